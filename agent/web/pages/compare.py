"""Programs side by side: paired differences with intervals, class by class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gapsmith.agent.archive import Program
from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.charts.intervals import Difference, draw_differences
from gapsmith.agent.web.facts.instances import find_built_in
from gapsmith.agent.web.pages.program import Line, list_lines, make_scale
from gapsmith.agent.web.view import Page, View
from gapsmith.evaluators.base import UsageError
from gapsmith.evaluators.scoring import Aggregate, Score

MOST = 5
SPLITS = ("test", "validation", "train")

Results = Mapping[str, Line]


@dataclass(frozen=True)
class Column:
    """A program of a comparison.

    Attributes:
        aggregate: its figures on the instances that it solved; None where there are none.
        differences: to the first program: of all instances first, then of each class.
    """

    program: Program
    solved: int
    aggregate: Aggregate | None
    differences: Sequence[Difference]


def show_compare(view: View, ask: Ask) -> Page:
    """Compares up to five programs with the first of them."""
    numbers = ask.read_numbers("programs", MOST)
    numbers = numbers or _list_winners(view, ask.read_numbers("runs", MOST))
    programs = [view.store.find(number) for number in numbers]
    if len({(each.problem, each.version) for each in programs}) > 1:
        raise UsageError("these programs are of different problems; expected programs of one problem")
    scale = _find_scale(view, numbers[0]) if numbers else ""
    problem = find_built_in(programs[0].problem, scale) if programs else None
    lines = [{line.result.digest: line for line in list_lines(view, each, problem)} for each in programs]
    split = ask.choose("split", SPLITS, "") or _choose_split(lines)
    columns = compare_programs(programs, lines, split, bool(problem and problem.maximise))
    facts = {
        "ask": ask,
        "programs": numbers,
        "columns": columns,
        "split": split,
        "splits": SPLITS,
        "count": len(_select_common(lines, split)) if lines else 0,
        "chart": draw_columns(columns),
    }
    return Page("program/compare.html.j2", "Compare", facts)


def _list_winners(view: View, runs: Sequence[int]) -> list[int]:
    """Lists the winners of runs, or their best programs so far."""
    found = []
    for number in runs:
        best = (view.store.run(number).report or {}).get("best") or {}
        ranked = [] if best.get("id") else view.store.rank_candidates(run=number, limit=1)
        found += [best["id"]] if best.get("id") else [row.program for row in ranked if row.program]
    return found


def _find_scale(view: View, program: int) -> str:
    births = view.store.list_births(program)[:1]
    return "".join(str(view.store.run(birth.run).config.get("scale") or "") for birth in births)


def _choose_split(lines: Sequence[Results]) -> str:
    """Chooses the split of which all programs met the most instances."""
    return max(SPLITS, key=lambda split: len(_select_common(lines, split))) if lines else SPLITS[0]


def _select_common(lines: Sequence[Results], split: str) -> list[str]:
    """Lists the instances with known bounds that all programs met."""
    digests = [
        {
            d
            for d, line in each.items()
            if line.result.split in (split, "") and line.result.baseline is not None
        }
        for each in lines
    ]
    return sorted(set.intersection(*digests)) if digests else []


def compare_programs(
    programs: Sequence[Program], lines: Sequence[Results], split: str, maximise: bool
) -> list[Column]:
    """Compares programs with the first one, on instances that all met."""
    common = _select_common(lines, split)
    found = []
    for program, own in zip(programs, lines, strict=True):
        rows = [own[digest] for digest in common]
        scores = [_make_score(line) for line in rows]
        scale = make_scale(rows, maximise) if rows else None
        found.append(
            Column(
                program,
                sum(score.cost is not None for score in scores),
                scale.aggregate_solved(scores) if scale else None,
                _list_differences(rows, [lines[0][digest] for digest in common], maximise),
            )
        )
    return found


def _make_score(line: Line) -> Score:
    result = line.result
    return Score(result.outcome, result.message, result.cost, result.cpu_seconds)


def _list_differences(rows: Sequence[Line], first: Sequence[Line], maximise: bool) -> list[Difference]:
    """Lists gains over the first program, in all and by class."""
    classes = sorted({line.stratum for line in rows})
    groups = [("all instances", list(range(len(rows))))]
    if len(classes) > 1:
        groups += [(name, [k for k, line in enumerate(rows) if line.stratum == name]) for name in classes]
    found = []
    for name, places in groups:
        if places:
            scale = make_scale([rows[k] for k in places], maximise)
            gain = scale.compare(
                [_make_score(rows[k]) for k in places], [_make_score(first[k]) for k in places]
            )
            found.append(Difference(name, gain.points, gain.ci95, gain.instances))
    return found


def draw_columns(columns: Sequence[Column]) -> Markup | None:
    """Draws the differences to the first program; None for fewer than two."""
    if len(columns) < 2 or not columns[0].solved:
        return None
    groups = [(f"program {each.program.id}", each.differences) for each in columns[1:]]
    first = columns[0].program.id
    return draw_differences(groups, f"Points of pooled gap by which each is better than program {first}")
