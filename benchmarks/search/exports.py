"""Whether exported modules repeat the costs of the search where only numpy is installed.

The best programs of each problem of an archive are exported, and run on new instances by a Python with numpy alone
(`--python`; by default one that is made here by `venv` and `pip install numpy`). Printed are, for each program, how
many costs equal those of the sandbox, and both times.

Example: python benchmarks/search/exports.py archive.db --programs 4 --instances 100
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gapsmith.agent.archive import Archive, CandidateRow
from gapsmith.agent.evaluation.compare import Entrant, run_all
from gapsmith.agent.evaluation.executors.local import LocalExecutor
from gapsmith.agent.evaluation.problems import allow_packages, find_problem
from gapsmith.agent.reports.export.module import export
from gapsmith.agent.runs.settings import Settings
from gapsmith.evaluators.base import Instance, Split

SEED = 20_261_201
"""Of the instances: no run draws from it."""
RUN = """
import importlib.util, json, sys
import numpy as np
assert importlib.util.find_spec("gapsmith") is None, "gapsmith is installed here"
spec = importlib.util.spec_from_file_location("rule", sys.argv[1])
rule = sys.modules["rule"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(rule)
_, price, instance, _, _ = rule._load_helpers()
for line in open(sys.argv[2]):
    name, data = json.loads(line)
    data = {k: np.array(v[0], dtype=v[1]) if v[1] else v[0] for k, v in data.items()}
    print(json.dumps(rule._solve(instance(name, data), price)[1]))
"""


@dataclass(frozen=True)
class Repeated:
    """How many costs of a program were repeated, and seconds of wall time."""

    problem: str
    program: int
    equal: int
    instances: int
    sandbox: float
    alone: float

    def __str__(self) -> str:
        figures = f"{self.equal:>5} of {self.instances:<5}{self.sandbox:>10.1f}{self.alone:>10.1f}"
        return f"{self.problem:<36}{self.program:>8}  {figures}"


def main() -> None:
    """Prints a line for each program; ends with 1 if any cost differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("archive")
    parser.add_argument("--programs", type=int, default=4, help="of each problem")
    parser.add_argument("--instances", type=int, default=100)
    parser.add_argument("--python", type=Path, help="an interpreter that has numpy and not gapsmith")
    chosen = parser.parse_args()
    store = Archive(chosen.archive, True)
    with tempfile.TemporaryDirectory() as folder, LocalExecutor(2) as executor:
        python = chosen.python or make_environment(Path(folder))
        print(
            f"{'problem':<36}{'program':>8}  {'equal costs':<14}{'sandbox s':>10}{'alone s':>10}", flush=True
        )
        found = []
        for row in list_best(store, chosen.programs):
            found.append(repeat_costs(store, row, chosen.instances, python, Path(folder), executor))
            print(found[-1], flush=True)
    sys.exit(any(each.equal < each.instances for each in found))


def make_environment(folder: Path) -> Path:
    """Makes an environment with numpy alone; returns its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", str(folder / "bare")], check=True)
    python = folder / "bare" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", f"numpy=={np.__version__}"], check=True)
    return python


def list_best(store: Archive, limit: int) -> Iterator[CandidateRow]:
    """Lists the best programs of each problem of an archive."""
    for name in sorted({run.problem for run in store.list_runs()}):
        yield from store.rank_candidates(name, limit=limit)


def repeat_costs(
    store: Archive, row: CandidateRow, count: int, python: Path, folder: Path, executor: LocalExecutor
) -> Repeated:
    """Prices a program in the sandbox, and its module without gapsmith."""
    number = row.program or 0
    settings = Settings.decode(store.run(row.run).config)
    problem = allow_packages(find_problem(settings.problem, scale=settings.scale), settings.allow)
    instances = problem.generate_instances(Split.TEST, SEED, count)
    (folder / "rule.py").write_text(export(number, store, executor).text, encoding="utf-8")
    begun = time.perf_counter()
    scores = run_all(problem, Entrant(str(number), store.find(number).source), instances, executor)
    between = time.perf_counter()
    costs = run_alone(python, folder, instances)
    ended = time.perf_counter()
    equal = sum(score.cost == cost for score, cost in zip(scores, costs, strict=True))
    return Repeated(problem.name, number, equal, count, between - begun, ended - between)


def run_alone(python: Path, folder: Path, instances: Sequence[Instance]) -> list[float]:
    """Runs the module on all instances where gapsmith is not installed."""
    lines = [json.dumps([each.name, encode(each)]) for each in instances]
    (folder / "instances.json").write_text("\n".join(lines), encoding="utf-8")
    command: list[str | Path] = [python, "-I", "-c", RUN, folder / "rule.py", folder / "instances.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def encode(instance: Instance) -> dict[str, list[object]]:
    """Encodes the data of an instance with their types."""
    return {
        name: [value.tolist(), value.dtype.str] if isinstance(value, np.ndarray) else [value, ""]
        for name, value in instance.data.items()
    }


if __name__ == "__main__":
    main()
