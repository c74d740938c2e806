"""Published bounds of instances, as a file of the user's gives them.

They are marked as published wherever they are shown, and never count as proven here: gaps to bounds are gaps to
bounds that were proven here.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from gapsmith.evaluators.base import Baseline, GapsmithError, Instance, Number, UsageError

COLUMNS = ("instance", "lower", "upper")


@dataclass(frozen=True)
class PublishedValue:
    """Published bounds of an instance.

    Attributes:
        instance: its name, as the instance file names it.
        lower: lower bound; when maximising, the value of the best published solution. None where it is not known.
        upper: value of the best published solution; when maximising, upper bound. None where it is not known.
    """

    instance: str
    lower: Number | None = None
    upper: Number | None = None


def read_published(path: Path, instances: Sequence[Instance] = ()) -> tuple[PublishedValue, ...]:
    """Reads a CSV file with the columns instance, lower and upper.

    Where instances are given, one of them at least must be named. Further columns are left aside; an empty cell is
    an unknown value.

    Raises:
        UsageError: with file and line, where the file cannot be read, a column is missing, a value is no number, a
            lower bound is above an upper one, or an instance stands twice with other values.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = _read_rows(path, file)
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; expected a CSV file") from None
    except OSError as error:
        raise UsageError(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; expected a CSV file"
        ) from None
    except csv.Error as error:
        raise UsageError(f"{path} is not CSV: {error}") from None
    if instances:
        check_named(found, instances)
    return found


def check_named(values: Sequence[PublishedValue], instances: Sequence[Instance]) -> None:
    """Checks that published values name one of the instances.

    Raises UsageError.
    """
    if not {value.instance for value in values} & {each.name for each in instances}:
        example = f"an instance is {instances[0].name!r}" if instances else "the instances are generated"
        named = values[0].instance if values else "none"
        raise UsageError(
            f"no published value is of these instances: the file names {named!r}, {example}; expected the names that "
            "the instance files give"
        )


def encode_published(
    values: Sequence[PublishedValue],
) -> tuple[tuple[str, Number | None, Number | None], ...]:
    """Encodes published values as plain rows, as settings keep them."""
    return tuple((value.instance, value.lower, value.upper) for value in values)


def _read_rows(path: Path, file: TextIO) -> tuple[PublishedValue, ...]:
    reader = csv.DictReader(file)
    if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise UsageError(
            f"{path} has no column {missing[0]!r}; expected the first line to name the columns {', '.join(COLUMNS)}"
        )
    found: dict[str, PublishedValue] = {}
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        value = _read_value(where, row)
        if found.setdefault(value.instance, value) != value:
            raise UsageError(
                f"{where}: {value.instance} has other values before; expected each instance once"
            )
    return tuple(found.values())


def _read_value(where: str, row: Mapping[str, str | None]) -> PublishedValue:
    name, lower, upper = (row[column] for column in COLUMNS)
    if not (name or "").strip():
        raise UsageError(f"{where}: no instance is named; expected a name")
    value = PublishedValue((name or "").strip(), _read_number(where, lower), _read_number(where, upper))
    if value.lower is not None and value.upper is not None and value.lower > value.upper:
        raise UsageError(f"{where}: {value.instance} has lower {value.lower} above upper {value.upper}")
    return value


def _read_number(where: str, text: str | None) -> Number | None:
    if not (text or "").strip():
        return None
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise UsageError(f"{where}: {text!r} is no number; expected one, or nothing where no value is known")
    return int(value) if value == int(value) else value


@dataclass(frozen=True)
class BestKnown:
    """The best values known of instances, before programs are run.

    Attributes:
        values: by digest: the better of the published value and the exact solver's solution.
        published: the published bounds, by digest.
        maximise: the sense of the objective.
    """

    values: Mapping[str, Number]
    published: Mapping[str, PublishedValue]
    maximise: bool = False

    @classmethod
    def build(
        cls,
        instances: Sequence[Instance],
        baselines: Mapping[str, Baseline],
        published: Sequence[PublishedValue] = (),
        maximise: bool = False,
    ) -> "BestKnown":
        """Matches published values with instances by their names.

        Raises:
            GapsmithError: where a published value and a result proven here contradict each other.
        """
        names = {value.instance: value for value in published}
        matched = {each.digest: names[each.name] for each in instances if each.name in names}
        values: dict[str, Number] = {}
        for instance in instances:
            kept, value = baselines[instance.digest], matched.get(instance.digest)
            if value is not None:
                check_consistent(value, kept, maximise)
            known = [_get_best(each, maximise) for each in (kept, value) if each is not None]
            if finite := [each for each in known if each is not None and abs(each) < float("inf")]:
                values[instance.digest] = max(finite) if maximise else min(finite)
        return cls(values, matched, maximise)

    def compute_gap(self, instances: Sequence[Instance], costs: Sequence[Number | None]) -> float | None:
        """Computes the pooled gap to the best known values, in percent.

        It is negative where costs are better. Instances without a cost or a known value are left aside; None where
        nothing is left, or the known values sum to 0 or less.
        """
        pairs = [
            (cost, self.values[each.digest])
            for each, cost in zip(instances, costs, strict=False)
            if cost is not None and each.digest in self.values
        ]
        total = sum(value for _, value in pairs)
        if not total > 0:
            return None
        loss = sum(cost for cost, _ in pairs) - total
        return 100.0 * (-loss if self.maximise else loss) / total

    def is_published(self, digest: str) -> bool:
        """Tells whether the best value known is a published one."""
        value = self.published.get(digest)
        return value is not None and _get_best(value, self.maximise) == self.values.get(digest)

    def is_beaten(self, digest: str, cost: Number) -> bool:
        """Tells whether a cost is better than the best value known."""
        best = self.values.get(digest)
        return best is not None and (cost > best if self.maximise else cost < best)

    def find_contradiction(self, instance: Instance, cost: Number) -> str:
        """Describes how a verified cost contradicts a published bound; or empty."""
        value = self.published.get(instance.digest)
        bound = None if value is None else value.upper if self.maximise else value.lower
        if bound is None or (cost <= bound if self.maximise else cost >= bound):
            return ""
        side = "above the published upper" if self.maximise else "below the published lower"
        return f"{instance.name}: a verified solution costs {cost:g}, {side} bound {bound:g}; that bound is wrong"


NOTHING_KNOWN = BestKnown({}, {})


def _get_best(known: Baseline | PublishedValue, maximise: bool) -> Number | None:
    """Returns the value of the best solution."""
    return known.lower if maximise else known.upper


def check_consistent(value: PublishedValue, kept: Baseline, maximise: bool) -> None:
    """Checks published bounds against those proven here.

    Raises GapsmithError where they contradict each other.
    """
    if value.lower is not None and value.lower > kept.upper:
        side, given, found, is_solution = "lower", value.lower, kept.upper, not maximise
    elif value.upper is not None and value.upper < kept.lower:
        side, given, found, is_solution = "upper", value.upper, kept.lower, maximise
    else:
        return
    here = "the value of a verified solution" if is_solution else "a bound that was proven here"
    raise GapsmithError(
        f"{value.instance}: the published {side} bound {given} contradicts {found:g}, {here}; correct it in the file "
        "of published values"
    )
