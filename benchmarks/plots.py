"""Draws figures of finished runs as small SVG files; needs matplotlib: pip install 'gapsmith[figures]'.

    python benchmarks/plots.py convergence 1.db 2.db 3.db -o convergence.svg
    python benchmarks/plots.py classes 1.db -o classes.svg
    python benchmarks/plots.py front 1.db -o front.svg

`convergence`: training gap of the best program so far, and validation gap of the champion, against evaluations;
mean and range over runs of one problem. `classes`: gap of winner and best rule on each class of the sealed test.
`front`: gap against CPU time of the Pareto front. Archives are only read; the latest run of each is taken, or --run N.

Example: python benchmarks/plots.py front archive.db -o front.svg
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gapsmith.agent import Archive, Settings, find_problem
from gapsmith.agent.archive import CandidateRow, RunRow
from gapsmith.agent.runs.final.entropy import find_last_drawn
from gapsmith.agent.runs.splits import InstanceSupply
from gapsmith.evaluators.base import GapsmithError, Instance, Number, Problem, Split
from gapsmith.evaluators.scoring import Scale

TEXT, WINNER, RULE = "#767676", "#2f7fe0", "#c9510c"
"""Readable on white and on the dark pages of code hosts: their contrast is at least 3.9 on both."""
FIGURE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "gapsmith",  # equal data give equal files
    "font.size": 10,
    "font.family": "sans-serif",
    **dict.fromkeys(["text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"], TEXT),
    **dict.fromkeys(["axes.spines.top", "axes.spines.right", "legend.frameon"], False),
    **dict.fromkeys(["figure.facecolor", "axes.facecolor", "savefig.facecolor"], "none"),
}
LINEAR_BELOW = 0.01
"""Gaps below this, 0 included, are on a linear scale."""


@dataclass(frozen=True)
class Curve:
    """A figure that changes in steps.

    Attributes:
        evaluations: after which it changes, ascending.
        gaps: from there on, in percent.
    """

    evaluations: tuple[int, ...]
    gaps: tuple[float, ...]

    def sample(self, places: Sequence[int]) -> np.ndarray:
        """Returns the gap after each number of evaluations; nan before the first step."""
        at = np.searchsorted(self.evaluations, places, side="right")
        return np.array([np.nan, *self.gaps])[at]


@dataclass(frozen=True)
class Convergence:
    """One run: what its search saw, what passed its gate, and the best rule in training."""

    problem: str
    evaluations: int
    training: Curve
    champion: Curve
    rule: float


@dataclass(frozen=True)
class ClassGaps:
    """A class of the sealed test: pooled gap in percent with its 95 % limits (nan where instances are few)."""

    name: str
    instances: int
    winner: tuple[float, float, float]
    rule: tuple[float, float, float]


# Reading


@contextmanager
def open_run(path: Path, number: int | None) -> Iterator[tuple[Archive, RunRow]]:
    """Opens an archive for reading, with one of its runs: the latest by default."""
    if not path.is_file():
        raise GapsmithError(f"{path} does not exist; expected an archive of `gapsmith run`")
    archive = Archive(str(path), reading=True)
    try:
        yield archive, archive.run(number)
    finally:
        archive.close()


def read_convergence(path: Path, number: int | None = None) -> Convergence:
    """Reads how the gaps of a run fell."""
    with open_run(path, number) as (archive, row):
        slots = [each for slot, each in sorted(archive.read_candidates(row.id or 0).items()) if slot >= 0]
        train = make_splits(row)[1].counts[Split.TRAIN]
        tuned = {
            each.slot: each.detail["run"] for each in archive.read_events(row.id or 0) if each.kind == "tuned"
        }
    rules = [each.train_gap for each in slots if each.operator == "rule" and each.train_gap is not None]
    if not rules:
        raise GapsmithError(f"{path}: run {row.id} has no reference rule; expected a discovery run")
    # Rules are not charged; trials of constants are, as evaluations on all training instances.
    charges = [
        each.charged * (each.operator != "rule") + -(-tuned.get(each.slot, 0) // train) for each in slots
    ]
    spent = [int(count) for count in np.cumsum(charges)]
    best = accumulate_best([np.inf if each.train_gap is None else each.train_gap for each in slots])
    champions = [k for k, each in enumerate(slots) if each.gate == "passed"]
    champion = Curve(*pair([(spent[k], slots[k].validation_gap or 0.0) for k in champions]))
    return Convergence(row.problem, spent[-1], Curve(tuple(spent), best), champion, min(rules))


def accumulate_best(gaps: Sequence[float]) -> tuple[float, ...]:
    """Returns the smallest gap so far, after each."""
    return tuple(float(gap) for gap in np.minimum.accumulate(gaps))


def pair(points: Sequence[tuple[int, float]]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Splits points into their two coordinates."""
    return tuple(x for x, _ in points), tuple(y for _, y in points)


def read_classes(path: Path, number: int | None = None) -> tuple[str, str, list[ClassGaps]]:
    """Reads the problem, the best rule, and the gaps of each class of the sealed test."""
    with open_run(path, number) as (archive, row):
        report = find_report(path, row)
        rule = report["reference"]["name"]
        problem, instances = find_test(archive, row)
        winner, other = (
            read_costs(archive, program, instances)
            for program in (report["best"]["id"], find_rule(archive, row, rule).program or 0)
        )
        digests = [each.digest for each in instances]
        known = archive.read_baselines(row.problem, digests, row.version)
        known |= archive.read_pinned(row.id or 0, digests)
    solved = [
        k for k, each in enumerate(instances) if None not in (winner[k], other[k]) and each.digest in known
    ]
    found = []
    for name in dict.fromkeys(instances[k].stratum for k in solved):
        places = [k for k in solved if instances[k].stratum == name]
        scale = Scale([instances[k] for k in places], [known[digests[k]] for k in places], problem.maximise)
        if scale.bound.sum() > 0:
            rows = ([costs[k] or 0 for k in places] for costs in (winner, other))
            found.append(ClassGaps(name, len(places), *(measure(scale, costs) for costs in rows)))
    return problem.title, rule, found


def measure(scale: Scale, costs: Sequence[Number]) -> tuple[float, float, float]:
    """Returns the pooled gap with its limits, which are nan where instances are too few."""
    found = scale.aggregate(costs, [0.0] * len(costs))
    return scale.compute_pooled_gap(costs), *(found.ci95 or (np.nan, np.nan))


def find_report(path: Path, row: RunRow) -> dict[str, Any]:
    """Returns the report of a finished run."""
    if row.report is None:
        raise GapsmithError(
            f"{path}: run {row.id} is {row.status}; expected a finished run (gapsmith resume)"
        )
    return row.report


def find_rule(archive: Archive, row: RunRow, name: str) -> CandidateRow:
    """Returns the candidate of a reference rule."""
    rows = archive.read_candidates(row.id or 0).values()
    return next(each for each in rows if each.operator == "rule" and each.name == name)


def make_splits(row: RunRow) -> tuple[Problem, InstanceSupply]:
    """Returns a run's problem and where its instances come from."""
    wanted = Settings.decode(row.config)
    problem = find_problem(wanted.problem, wanted.layout)
    return problem, InstanceSupply(problem, wanted.instances, wanted.test, wanted.seed)


def find_test(archive: Archive, row: RunRow) -> tuple[Problem, list[Instance]]:
    """Returns a run's problem and its sealed test, made again or read from the user's files."""
    problem, splits = make_splits(row)
    seed = find_last_drawn(archive, row.id or 0)
    if seed is None:
        raise GapsmithError(f"run {row.id} kept no seed of its test; expected a run of this version")
    return problem, splits.test(seed)


def read_costs(archive: Archive, program: int, instances: Sequence[Instance]) -> list[Number | None]:
    """Returns the cost of a program on each instance; None where it is not known, or failed."""
    scores = archive.read_scores(program, [each.digest for each in instances])
    return [scores[each.digest].cost if each.digest in scores else None for each in instances]


# Drawing


@contextmanager
def draw(path: Path, height: float = 3.2) -> Iterator[Any]:
    """Yields the axes of a figure, and writes it."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise GapsmithError(
            "plots need matplotlib; install it with: pip install 'gapsmith[figures]'"
        ) from None
    with mpl.rc_context(FIGURE):
        figure = Figure(figsize=(6.4, height), layout="constrained")
        yield figure.add_subplot()
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def draw_convergence(paths: Sequence[Path], number: int | None, output: Path) -> None:
    """Draws best training gap and champion's validation gap against evaluations."""
    runs = [read_convergence(path, number) for path in paths]
    if len({run.problem for run in runs}) > 1:
        raise GapsmithError(f"found runs of {sorted({run.problem for run in runs})}; expected one problem")
    places = range(min(run.evaluations for run in runs) + 1)
    with draw(output) as axes:
        draw_band(axes, places, [run.training for run in runs], WINNER, "-", "best in training")
        draw_band(axes, places, [run.champion for run in runs], RULE, "-", "champion in validation")
        rule = float(np.mean([run.rule for run in runs]))
        axes.axhline(rule, color=TEXT, linestyle=":", label="best rule in training")
        axes.set_yscale("symlog", linthresh=LINEAR_BELOW)
        axes.set_ylim(0, 4 * max(rule, LINEAR_BELOW))
        axes.set_xlim(0, places[-1])
        seeds = f"{len(runs)} runs: mean and range" if len(runs) > 1 else "1 run"
        axes.set(xlabel="evaluations", ylabel="gap %", title=f"{runs[0].problem} ({seeds})")
        label_plainly(axes.yaxis)
        axes.legend()


def draw_band(
    axes: Any, places: Sequence[int], curves: Sequence[Curve], color: str, style: str, label: str
) -> None:
    """Draws the mean of step functions, and their range as a band, from where all of them have begun."""
    rows = np.array([curve.sample(places) for curve in curves])
    axes.step(places, rows.mean(axis=0), where="post", color=color, linestyle=style, label=label)
    if len(curves) > 1:
        limits = rows.min(axis=0), rows.max(axis=0)
        axes.fill_between(places, *limits, step="post", color=color, alpha=0.25, linewidth=0)


def draw_classes(paths: Sequence[Path], number: int | None, output: Path) -> None:
    """Draws the gap of winner and best rule on each class."""
    title, rule, found = read_classes(take_one(paths), number)
    found.sort(key=lambda each: each.rule[0])
    with draw(output, 1.2 + 0.22 * len(found)) as axes:
        for place, each in enumerate(found):
            axes.plot([each.rule[0], each.winner[0]], [place, place], color=TEXT, linewidth=0.6)
        for color, marker, label in ((RULE, "s", f"best rule: {rule}"), (WINNER, "o", "winner")):
            rows = [each.rule if color == RULE else each.winner for each in found]
            gaps, low, high = np.array(rows).T
            axes.plot(gaps, range(len(found)), marker, color=color, markersize=5, label=label)
            axes.hlines(range(len(found)), low, high, color=color, alpha=0.5, linewidth=3)
        axes.set_yticks(range(len(found)), [f"{each.name} ({each.instances})" for each in found])
        axes.set_xscale("symlog", linthresh=LINEAR_BELOW)
        axes.set_xlim(left=0)
        label_plainly(axes.xaxis)
        axes.set(xlabel="pooled gap % on the sealed test")
        axes.set_title(title, pad=24)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)


def draw_front(paths: Sequence[Path], number: int | None, output: Path) -> None:
    """Draws the gap of the programs on the Pareto front against their CPU time."""
    path = take_one(paths)
    with open_run(path, number) as (_, row):
        points = find_report(path, row).get("front") or []
    shown = [each for each in points if each["pooled_gap_percent"] is not None and each["cpu_seconds"] > 0]
    if not shown:
        raise GapsmithError(f"{path}: run {row.id} has no Pareto front; expected a run that made one")
    gaps = [each["pooled_gap_percent"] for each in shown]
    with draw(output) as axes:
        for each, gap in zip(shown, gaps, strict=True):
            color, marker = (RULE, "s") if each["name"] else (WINNER, "*" if each["winner"] else "o")
            place = 1000 * each["cpu_seconds"], gap
            axes.plot(*place, marker, color=color, markersize=11 if each["winner"] else 6)
            word = each["name"] or ("winner" if each["winner"] else "")
            axes.annotate(word, place, xytext=(7, 5), textcoords="offset points", fontsize=8)
        axes.set_xscale("log")
        axes.set_yscale("symlog", linthresh=max(LINEAR_BELOW, min(gaps)))
        axes.set_ylim(0, 2 * max(*gaps, LINEAR_BELOW))
        axes.margins(x=0.15)
        label_plainly(axes.xaxis)
        label_plainly(axes.yaxis)
        axes.set(xlabel="CPU ms an instance", ylabel="pooled gap % on the sealed test", title=row.problem)


def label_plainly(axis: Any) -> None:
    """Labels the ticks of a logarithmic axis as plain numbers."""
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(lambda *_: "")


def take_one(paths: Sequence[Path]) -> Path:
    """Returns the only archive."""
    if len(paths) != 1:
        raise GapsmithError(f"found {len(paths)} archives; expected one")
    return paths[0]


KINDS: dict[str, Callable[[Sequence[Path], int | None, Path], None]] = {
    "convergence": draw_convergence,
    "classes": draw_classes,
    "front": draw_front,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Draws one figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE")
    parser.add_argument("--run", type=int, help="number of the run in each archive (the latest)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.svg")
    given = parser.parse_args(arguments)
    try:
        KINDS[given.kind](given.archives, given.run, given.output)
    except GapsmithError as error:
        sys.exit(f"plots.py: {error}")
    print(f"{given.output}: {given.output.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
