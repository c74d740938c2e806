"""The command `doctor`: isolation tested by attacks, packages, keys, archive."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import typer
from rich.table import Table

from gapsmith.agent.archive import Archive
from gapsmith.agent.cli.options import ArchiveUrl, Json
from gapsmith.agent.cli.terminal.output import show_progress, show_result
from gapsmith.agent.evaluation.baselines import ProgressCallback, ignore_progress
from gapsmith.evaluators.base import GapsmithError
from gapsmith.sandbox import SandboxError, measure_latency, probe_isolation

REPETITIONS = 200
PACKAGES = ("gapsmith", "numpy", "numba", "ortools", "openai", "anthropic")
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")


def register(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command(epilog="Example: gapsmith doctor --json")(doctor)


def doctor(archive: ArchiveUrl = "archive.db", as_json: Json = False) -> None:
    """Checks this machine: isolation (tested by attacks), packages, keys, archive."""
    with show_progress() as progress:
        found = diagnose(archive, progress)
    show_result(found, build_doctor_table(found), as_json)


def diagnose(
    archive: str, progress: ProgressCallback = ignore_progress, repetitions: int = REPETITIONS
) -> dict[str, Any]:
    """Returns all findings as plain data.

    What does not work is a finding, not an error.
    """
    progress("trying to break out of the sandbox", 0, 3)
    isolated = _test_isolation()
    progress("timing the sandbox", 1, 3)
    latency = _measure_latency(repetitions) if isolated.get("level") else {}
    progress("looking at the archive", 2, 3)
    return {
        "isolation": isolated,
        "sandbox": latency,
        "packages": {name: _find_version(name) for name in PACKAGES},
        "keys": {name: "set" if os.environ.get(name) else "not set" for name in KEYS},
        "archive": _check_archive(archive),
        "machine": {"system": platform.system(), "release": platform.release(), "cores": os.cpu_count()},
    }


def _test_isolation() -> dict[str, Any]:
    try:
        report = probe_isolation("numpy")
    except SandboxError as error:
        return {"level": None, "layers": {}, "trouble": str(error)}
    return {"level": report.level.name, "layers": dict(report.layers), "proofs": dict(report.proofs)}


def _measure_latency(repetitions: int) -> dict[str, Any]:
    found = measure_latency(repetitions)
    return {name: getattr(found, name) for name in ("latency_ms_p50", "latency_ms_p95", "cpu_ms_p50")}


def _find_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return f"not installed; pip install {name}"


def _check_archive(location: str) -> dict[str, Any]:
    try:
        store = Archive(location, reading=True) if "://" in location or os.path.exists(location) else None
        found = (
            {"location": location, "runs": len(store.list_runs())}
            if store
            else {"location": location, "status": "not made yet"}
        )
        if store:
            store.close()
        return found
    except GapsmithError as error:
        return {"location": location, "trouble": str(error)}


def build_doctor_table(found: dict[str, Any]) -> Table:
    """Builds a table with one line for each finding."""
    table = Table(title="gapsmith doctor", show_header=False)
    for _ in ("section", "finding"):
        table.add_column(overflow="fold")
    for section, values in found.items():
        for name, value in values.items():
            if isinstance(value, dict):
                for key, inner in value.items():
                    table.add_row(f"{section} {name}", f"{key}: {inner}")
            else:
                table.add_row(section, f"{name}: {value if not isinstance(value, float) else f'{value:.2f}'}")
    return table
