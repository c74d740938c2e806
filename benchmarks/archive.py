"""What the archive costs here. Run it alone: `python benchmarks/archive.py [--programs N] [--scored N]`.

An archive of `programs` programs in ten runs of one problem, made by the archive's own methods, each with a candidate,
a call, a verdict and two events; the last `scored` of them with 36 evaluations and a prompt of 4000 characters.
Printed are CPU time per call, which other work on the machine changes little, wall time, and resident memory.

Example: python benchmarks/archive.py --programs 2000 --scored 100 --repetitions 50
"""

import argparse
import gc
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from gapsmith.agent.archive import Archive, CallRow, CandidateRow
from gapsmith.evaluators.base import Instance
from gapsmith.evaluators.scoring import Score
from gapsmith.sandbox import Level

Sample = tuple[float, float]

RUNS = 10
INSTANCES = [Instance(f"instance {k}", {"x": k}) for k in range(36)]
DIGESTS = [instance.digest for instance in INSTANCES]
SOURCE = "def schedule(p, d):\n" + "    p = p + d * 0.5\n" * 20 + "    return p.argsort()\n"
PROMPT = "word " * 800


@dataclass(frozen=True)
class Timing:
    """How long calls took, milliseconds: CPU and wall of each."""

    name: str
    samples: Sequence[Sample]

    def __str__(self) -> str:
        cpu, wall = (sorted(clock) for clock in zip(*self.samples, strict=True))
        figures = (clock[len(clock) * part // 100] for clock in (cpu, wall) for part in (50, 99))
        return f"{self.name:<34}" + "".join(f"{figure:>10.3f}" for figure in figures)


def main() -> None:
    """Fills an archive, then prints one line for each question and each thing that is added."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--programs", type=int, default=100_000)
    parser.add_argument("--scored", type=int, default=5_000)
    parser.add_argument("--repetitions", type=int, default=1_000)
    arguments = parser.parse_args()
    gc.collect()
    gc.freeze()  # else the modules are searched for garbage now and then, 50 ms each time
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(str(Path(folder) / "archive.db"))
        before = _resident()
        runs = fill(archive, arguments.programs, arguments.scored)
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 2**20
        print(
            f"{arguments.programs} programs, the last {arguments.scored} with 36 evaluations: {size:.0f} MiB"
        )
        print(f"{'ms':<34}{'CPU p50':>10}{'p99':>10}{'wall p50':>10}{'p99':>10}")
        for timing in timings(archive, runs, arguments.programs // RUNS, arguments.repetitions):
            print(timing, flush=True)
        print(f"resident: {before:.0f} MiB before filling, {_resident():.0f} MiB at the end")
        archive.close()


def fill(archive: Archive, programs: int, scored: int) -> list[int]:
    """The numbers of ten runs, filled one after another."""
    runs = [archive.start("filled", "offline", seed, {}) for seed in range(RUNS)]
    for number in range(programs):
        run, slot = runs[number * RUNS // programs], number % (programs // RUNS)
        add(archive, run, slot, number, INSTANCES if number >= programs - scored else [])
    return runs


def add(archive: Archive, run: int, slot: int, number: int, instances: list[Instance]) -> None:
    """One slot from its reply to its verdict: what the loop asks of the archive for each candidate."""
    archive.answer(*_rows(run, slot, PROMPT if instances else ""))
    program, _ = archive.add_program("filled", f"{number:032x}", SOURCE, 40)
    archive.settle(run, slot, _verdict(program, number), _scores(instances), events=_events())


def timings(archive: Archive, runs: list[int], slots: int, repetitions: int) -> Iterator[Timing]:
    """Adding first, in one more run; then every question, about places drawn from a seed."""
    yield from _adding(archive, repetitions)
    rng = Random(0)
    places = [(rng.choice(runs), rng.randrange(slots)) for _ in range(repetitions)]
    for name, ask in _questions(archive, slots).items():
        yield Timing(name, [_clocked(partial(ask, *place)) for place in places])


def _adding(archive: Archive, repetitions: int) -> Iterator[Timing]:
    run, steps = archive.start("filled", "offline", RUNS, {}), []
    for slot in range(repetitions):
        program = ("filled", f"new {slot:028x}", SOURCE, 40)
        answered = _clocked(partial(archive.answer, *_rows(run, slot, PROMPT)))
        numbered = _clocked(partial(archive.add_program, *program))
        verdict, scores = _verdict(archive.add_program(*program)[0], slot), _scores(INSTANCES)
        settled = _clocked(partial(archive.settle, run, slot, verdict, scores, events=_events()))
        steps.append((answered, numbered, settled))
    names = ("answer: candidate and call", "add_program: a new one", "settle: 36 evaluations, 2 events")
    for name, samples in zip(names, zip(*steps, strict=True), strict=True):
        yield Timing(name, samples)
    yield Timing("in all, for one candidate", [(_sum(step, 0), _sum(step, 1)) for step in steps])


def _sum(step: Sequence[Sample], clock: int) -> float:
    return sum(sample[clock] for sample in step)


def _questions(archive: Archive, slots: int) -> dict[str, Callable[[int, int], object]]:
    """By name, what is asked of a run and a slot."""

    def number(run: int, slot: int) -> int:
        return (run - 1) * slots + slot + 1

    return {
        "candidate": archive.find_candidate,
        "call": archive.call,
        "recorded": lambda run, _: archive.count_slots(run),
        "program, known by its hash": lambda run, slot: archive.add_program(
            "filled", f"{number(run, slot) - 1:032x}", SOURCE, 40
        ),
        "find": lambda run, slot: archive.find(number(run, slot)),
        "claimed": lambda run, slot: archive.find_first_slot(run, number(run, slot), slots),
        "elites: 30 of a run": lambda run, _: archive.read_elites("filled", 30, run),
        "elites: 30 of all runs": lambda *_: archive.read_elites("filled", 30),
        "costs: 30 programs, 36 instances": lambda *_: archive.read_score_table(
            range(RUNS * slots - 30, RUNS * slots), DIGESTS
        ),
    }


def _rows(run: int, slot: int, prompt: str) -> tuple[CandidateRow, CallRow]:
    call = CallRow(
        run=run,
        slot=slot,
        model="m",
        operator="refine",
        template="t",
        system="s" * 200,
        prompt=prompt,
        reply=SOURCE,
    )
    return CandidateRow(run=run, slot=slot, operator="refine", arm="a", model="m", parents=[1, 2]), call


def _verdict(program: int, number: int) -> dict[str, object]:
    """One of 200 passes the gate, one of 20 comes to validation, one of 4 has no gap."""
    rng = Random(number)
    validated = rng.random() < 0.05
    return {
        "program": program,
        "outcome": "ok",
        "message": "",
        "behaviour": f"{number:032x}",
        "train_gap": None if rng.random() < 0.25 else rng.uniform(1, 90),
        "validation_gap": rng.uniform(1, 90) if validated else None,
        "gate": "passed" if validated and rng.random() < 0.1 else "",
        "cpu_seconds": 0.01,
        "evaluated": 36,
        "charged": 36,
    }


def _scores(instances: list[Instance]) -> list[tuple[Instance, Score]]:
    return [(each, Score("ok", "", 17.0 + k, 0.01, Level.L4)) for k, each in enumerate(instances)]


def _events() -> list[tuple[str, dict[str, object]]]:
    return [
        ("raced", {"points_behind": 1.5}),
        ("gate", {"passed": False, "gain": 0.5, "low": -1.0, "high": 2.0}),
    ]


def _clocked(call: Callable[[], object]) -> Sample:
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return 1e3 * (time.process_time() - cpu), 1e3 * (time.perf_counter() - wall)


def _resident() -> float:
    """Of this process, MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
