"""Exact results for instances, from the archive or solved now."""

from gapsmith.agent.evaluation.baselines.find import find_baselines
from gapsmith.agent.evaluation.baselines.progress import SOLVING, ProgressCallback, ignore_progress

__all__ = ["SOLVING", "ProgressCallback", "find_baselines", "ignore_progress"]
