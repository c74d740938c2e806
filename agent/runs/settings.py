"""The settings of a run.

They are stored with it, so that `resume` needs nothing else.
"""

import os
from dataclasses import dataclass
from typing import Any

from gapsmith.agent.archive import ADDED, DISCOVERY, find_run_kind
from gapsmith.agent.evaluation.executors.registry import LOCAL
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.loop.loop import WINDOW
from gapsmith.agent.runs.ownership import MARK
from gapsmith.evaluators.base import SMALL, SOLVER_SECONDS, Number, UsageError
from gapsmith.sandbox import Level

USUAL_BUDGET = 600
"""Evaluations that are reckoned with where only time or money is limited."""


FEWEST_OPEN, ROUNDS = 4, 25
"""Questions that are open at least; and how often, in a short run, all that are open have been answered."""


BATCH_WINDOW, BATCHES = 128, 8
"""Questions of one batch at most; and the batches of a short run."""


LISTS = ("models", "instances", "test", "seeds", "without")


FILES = ("instances", "test")


EARLIER_DEFAULTS = {
    "dealt_by_place": True,
    "scale": SMALL,
    "baseline_seconds": SOLVER_SECONDS,
    "whole_budget": True,
}
"""Settings of runs and recordings that do not say them, since there were no others."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a run.

    They are stored with it, so that `resume` needs nothing else.

    Attributes:
        problem: a name, or the path of a file that defines one.
        scale: of generated instances and limits; by default medium where the problem has it.
        allow: packages that programs may import beside numpy, as "numba,scipy"; empty for those of the scale.
        models: as on the command line; of several, the search learns which to ask unless they have weights.
        budget: hard limits.
        seed: equal seeds give equal archives for deterministic models.
        workers: sandboxes at once.
        base_url: of a server that speaks a provider's API.
        instances: files to learn from in place of generated instances; dealt to the three splits.
        test: files for the sealed test in place of generated instances.
        layout: how these files are laid out, where their problem's reader asks.
        baseline_seconds: limit of the exact method for each instance; that of the scale by default.
        minimum_level: the weakest isolation that is accepted.
        seeds: programs to start from besides the reference rules: source, not names, so that `resume` has them.
        start: the user's own heuristics, which a run must beat like the reference rules: pairs of name and source.
        notes: what the user knows beyond the problem's brief; prompts tell it.
        heuristic: of a formulation: the source of a heuristic that gives it hints and an upper bound.
        without: parts of the search that are switched off, for comparisons; see `Switches`.
        cpu_seconds: CPU limit of one program on one instance, in place of the problem's, be it lower or higher.
        batch: whether hosted models are asked in batches, at half the price; it may take hours.
        parallel: questions that may be open at once; by the budget if not given, see `window`.
        executor: where evaluations run, by name.
        known: published bounds: instance, lower and upper; None is an unknown value. See `read_published`.
        whole_budget: whether the search goes on when its best program is proven optimal on all training instances.
        patience: slots without a better program after which a fresh trajectory starts; by the budget if not given.
        dealt_by_place: whether instances are dealt by their place in the files, as runs of earlier versions were.
    """

    problem: str
    scale: str = ""
    allow: str = ""
    models: tuple[str, ...] = ("offline",)
    budget: Budget
    seed: int = 0
    workers: int = 2
    base_url: str | None = None
    instances: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    layout: str = ""
    baseline_seconds: float | None = None
    minimum_level: int = int(Level.L2)
    seeds: tuple[str, ...] = ()
    start: tuple[tuple[str, str], ...] = ()
    notes: str = ""
    heuristic: str = ""
    without: tuple[str, ...] = ()
    cpu_seconds: float | None = None
    parallel: int | None = None
    batch: bool = False
    executor: str = LOCAL
    known: tuple[tuple[str, Number | None, Number | None], ...] = ()
    whole_budget: bool = False
    patience: int | None = None
    dealt_by_place: bool = False

    @property
    def size(self) -> int:
        """Evaluations or calls, about; what it is usually where only time or money is limited."""
        return self.budget.evaluations or self.budget.calls or USUAL_BUDGET

    @property
    def window(self) -> int:
        """Questions open at once: a short search must know what its last answers gave, a long one may be fast.

        A batch takes as long whether it is large or small, so that fewer and larger ones are sent.
        """
        most, rounds = (BATCH_WINDOW, BATCHES) if self.batch else (WINDOW, ROUNDS)
        return self.parallel or min(most, max(FEWEST_OPEN, self.size // rounds))

    @property
    def model(self) -> str:
        """All models in one word."""
        return "+".join(self.models)

    def encode(self) -> dict[str, Any]:
        """Encodes the settings for JSON, with absolute paths."""
        lists = {name: list(getattr(self, name)) for name in LISTS}
        files = {name: [_make_absolute(path) for path in lists[name]] for name in FILES}
        problem = _make_absolute(self.problem) if self.problem.endswith(".py") else self.problem
        start = [list(pair) for pair in self.start]
        named = {"problem": problem, "start": start, "known": [list(row) for row in self.known]}
        return {**vars(self), "budget": dict(vars(self.budget)), **lists, **files, **named}

    @classmethod
    def decode(cls, plain: dict[str, Any]) -> "Settings":
        """Decodes settings from JSON."""
        plain = {name: value for name, value in plain.items() if name != MARK}
        if (kind := find_run_kind(plain)) not in (DISCOVERY, ADDED):
            raise UsageError(f"this is a run of `gapsmith {kind}`; expected a search for heuristics")
        plain.pop("verb", None)
        if "model" in plain:  # runs of the archive's first schema had one model
            plain["models"] = (plain.pop("model"),)
        plain = {**EARLIER_DEFAULTS, **plain}
        lists = {name: tuple(plain.get(name, ())) for name in LISTS}
        start = tuple((name, source) for name, source in plain.get("start", ()))
        known = tuple((name, lower, upper) for name, lower, upper in plain.get("known", ()))
        return cls(**{**plain, **lists, "start": start, "known": known, "budget": Budget(**plain["budget"])})


def _make_absolute(path: str) -> str:
    return os.path.abspath(path)
