"""What the web view costs. Run it alone: `python benchmarks/web.py [--programs N] [--evaluations N] [--requests N]`.

An archive of generated runs, of which the first has a fifth of the programs, with calls, events, evaluations and exact
results. Every page is asked for by one client: the first answer (nothing is kept in memory yet), then the 50 % and 95 %
quantiles of the time to the whole answer, and the server's CPU time. Then a page is open while the archive is written:
the time from a commit to the event. Last, resident memory over many requests.

Example: python benchmarks/web.py --programs 10000 --evaluations 200000 --requests 1000
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import insert

from gapsmith.agent.archive import Archive, CallRow, CandidateRow, Event, Program, RunRow
from gapsmith.agent.archive.tables import BaselineRow, Evaluation
from gapsmith.evaluators.base import Split
from gapsmith.evaluators.problems.single_machine_tardiness.problem import problem

RUNS = 41
CHUNK = 5000
PROMPT, REPLY = "word " * 800, "def schedule(p, d):\n    return p.argsort()\n" * 20
SOURCE = "def schedule(p, d):\n" + "    p = p + d * 0.5\n" * 20 + "    return p.argsort()\n"
BEHAVIOUR = " ".join(f"{k:08x}:{k:012x}" for k in range(20))
OUTCOMES = ("raced", "ok", "raced", "twin", "crash")

Rows = Iterator[dict[str, Any]]


def main() -> None:
    """Fills an archive, serves it, and prints a line for each page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--programs", type=int, default=100_000)
    parser.add_argument("--evaluations", type=int, default=2_000_000)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--repetitions", type=int, default=40)
    given = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder) / "archive.db")
        start = time.perf_counter()
        fill(place, given.programs, given.evaluations)
        size = Path(place).stat().st_size / 2**20
        print(f"{given.programs} programs, {given.evaluations} evaluations: {size:.0f} MiB, "
              f"filled in {time.perf_counter() - start:.0f} s")  # fmt: skip
        measure(place, given.programs, given.requests, given.repetitions)


def fill(place: str, programs: int, evaluations: int) -> None:
    """Fills an archive in bulk, with the tables of today."""
    store = Archive(place)
    sizes = [programs // 5] + [programs * 4 // 5 // (RUNS - 1)] * (RUNS - 1)
    instances = problem.generate_instances(Split.TRAIN, 1, 100)
    known = [(each.digest, each.name) for each in instances]
    tables: Sequence[tuple[Any, Rows]] = (
        (RunRow, list_runs(sizes)),
        (Program, list_programs(programs)),
        (CandidateRow, list_candidates(sizes)),
        (CallRow, list_calls(sizes)),
        (Event, list_events(sizes)),
        (BaselineRow, list_baselines(known)),
        (Evaluation, list_evaluations(programs, evaluations, known)),
    )
    for table, rows in tables:
        while some := [row for _, row in zip(range(CHUNK), rows, strict=False)]:
            with store.engine.begin() as connection:
                connection.execute(insert(table), some)
    store.close()


def list_runs(sizes: Sequence[int]) -> Rows:
    """Yields runs; the last one is in progress."""
    for k, size in enumerate(sizes, 1):
        best = {
            "id": k, "name": str(k), "pooled_gap_percent": 1.0, "mean_gap_percent": 1.0, "ci95": [0.5, 1.5],
            "optimal_share": 0.5, "cpu_seconds": 0.01,
        }  # fmt: skip
        line = {
            "name": "all", "calls": size, "usd": 1.0, "tokens_in": 1, "tokens_cached": 0, "tokens_out": 1, "bests": 1,
            "champions": 1, "cached_share": 0.0, "usd_per_best": 1.0, "usd_per_champion": 1.0,
        }  # fmt: skip
        front = [
            {
                "id": j, "name": "", "pooled_gap_percent": 1.0 + j, "cpu_seconds": 0.01 * j, "size": 10 * j,
                "winner": j == 1,
            }
            for j in range(1, 40)
        ]  # fmt: skip
        gain = {"pooled_gap_points": 1.0, "ci95": [0.5, 1.5], "instances": 200}
        report = {
            "evaluations": size, "calls": size, "usd": 1.0, "seconds": 100.0, "best": best, "reference": best,
            "gain": gain, "claimed": gain, "front": front, "together": [],
            "spending": {**line, "models": [line], "operators": [line] * 8},
        }  # fmt: skip
        is_over = k < len(sizes)
        yield {
            "id": k, "problem": problem.name, "model": "offline", "seed": k, "version": problem.version,
            "config": {"problem": problem.name, "scale": "small", "budget": {"evaluations": size}},
            "status": "done" if is_over else "running", "started": 1.7e9 + k, "seconds": 100.0,
            "report": report if is_over else None,
        }  # fmt: skip


def list_programs(count: int) -> Rows:
    """Yields programs; each has a line of its own."""
    for k in range(1, count + 1):
        source = SOURCE.replace("0.5", f"0.{k}", 1)
        yield {
            "id": k,
            "problem": problem.name,
            "version": problem.version,
            "hash": f"{k:032x}",
            "source": source,
            "size": 99,
        }


def list_slots(sizes: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yields run, slot and program of every candidate."""
    program = 0
    for run, size in enumerate(sizes, 1):
        for slot in range(size):
            program += 1
            yield run, slot, program


def list_candidates(sizes: Sequence[int]) -> Rows:
    """Yields candidates; one in three is scored, and gaps fall slowly."""
    rng = Random(0)
    for run, slot, program in list_slots(sizes):
        is_scored = slot % 3 == 0
        yield {
            "run": run, "slot": slot, "operator": f"operator{slot % 8}", "name": "", "program": program,
            "parents": [program - 1] if slot else [], "outcome": "ok" if is_scored else OUTCOMES[slot % 5],
            "message": "" if is_scored else "IndexError: index 50 is out of bounds (line 3)",
            "train_gap": 100.0 / (1 + slot) * rng.uniform(1, 5) if is_scored else None,
            "validation_gap": 100.0 / (1 + slot) if slot % 300 == 0 else None,
            "gate": "passed" if slot % 300 == 0 else "", "arm": f"arm{slot % 3}", "model": "offline",
            "behaviour": BEHAVIOUR, "cpu_seconds": 0.01, "evaluated": 20, "charged": 1,
        }  # fmt: skip


def list_calls(sizes: Sequence[int]) -> Rows:
    """Yields calls with prompts and replies of usual length."""
    for run, slot, _ in list_slots(sizes):
        yield {
            "run": run, "slot": slot, "model": "offline", "operator": f"operator{slot % 8}", "template": "t",
            "system": "", "prompt": PROMPT, "reply": REPLY, "tokens_in": 1000, "tokens_cached": 500, "tokens_out": 200,
            "usd": 0.001, "seconds": 1.0, "reply_id": "", "detail": {},
        }  # fmt: skip


def list_events(sizes: Sequence[int]) -> Rows:
    """Yields a decision for each slot, and those of the gate."""
    for run, slot, _ in list_slots(sizes):
        yield {"run": run, "slot": slot, "kind": "raced", "detail": {"met": 4, "points_behind": 1.5}}
        if slot % 100 == 0:
            gate = {"passed": slot % 300 == 0, "gain": 0.5, "low": 0.1, "high": 0.9}
            yield {"run": run, "slot": slot, "kind": "gate", "detail": gate}


def list_baselines(known: Sequence[tuple[str, str]]) -> Rows:
    """Yields an exact result for each instance."""
    for digest, name in known:
        yield {
            "problem": problem.name, "version": problem.version, "digest": digest, "instance": name, "lower": 100.0,
            "upper": 100.0, "solution": list(range(50)), "solver": "s", "seconds": 0.1, "allowed": 60.0,
        }  # fmt: skip


def list_evaluations(programs: int, count: int, known: Sequence[tuple[str, str]]) -> Rows:
    """Yields evaluations: equally many of each program."""
    each = max(1, count // programs)
    for program in range(1, programs + 1):
        for digest, name in sorted(known[:each]):
            cost = 100.0 + (program * 7 + len(name)) % 40
            yield {
                "program": program, "digest": digest, "instance": name, "outcome": "ok", "message": "", "cost": cost,
                "cpu_seconds": 0.01, "isolation": 4,
            }  # fmt: skip


def measure(place: str, programs: int, requests: int, repetitions: int) -> None:
    """Serves the archive and asks for every page."""
    command = [sys.executable, "-m", "gapsmith.agent", "web", "--archive", place, "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = json.loads(process.stdout.readline() if process.stdout else "{}")["url"]
            ask = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            ask.open(url).read()
            home = url.partition("/?")[0]
            pages = list_pages(programs)
            print(f"{'page':<52}{'first':>8}{'50 %':>8}{'95 %':>8}{'CPU':>8}  ms")
            for page in pages:
                print_page(ask, home, page, repetitions, process.pid)
            print(f"a commit reaches an open page after {1000 * measure_event(ask, home, place):.0f} ms")
            print_memory(ask, home, pages, requests, process.pid)
        finally:
            process.terminate()


def list_pages(programs: int) -> list[str]:
    """Lists the pages: of the longest run, of one in progress, of programs."""
    last = programs - 10
    return [
        "/", "/?sort=gap", "/?search=tardiness", "/run/1", f"/run/{RUNS}", "/run/1/programs",
        "/run/1/programs?sort=latest&outcome=crash", "/run/1/decisions", "/run/1/decisions?show=all",
        "/run/1/instances?split=train", "/run/1/front", f"/program/{last}",
        f"/compare?programs={last},{last - 1},{last - 2}",
        "/problems", f"/problem/{problem.name}", f"/problem/{problem.name}/baselines", "/formulations", "/questions",
    ]  # fmt: skip


def print_page(
    ask: urllib.request.OpenerDirector, home: str, page: str, repetitions: int, process: int
) -> None:
    """Prints how long the first and further answers of a page take, and their CPU time."""
    start = time.perf_counter()
    ask.open(home + page).read()
    first, times, used = 1000 * (time.perf_counter() - start), [], read_cpu_seconds(process)
    for _ in range(repetitions):
        start = time.perf_counter()
        ask.open(home + page).read()
        times.append(1000 * (time.perf_counter() - start))
    cpu = 1000 * (read_cpu_seconds(process) - used) / repetitions
    times.sort()
    middle, late = (times[min(repetitions - 1, repetitions * part // 100)] for part in (50, 95))
    print(f"{page:<52}{first:>8.0f}{middle:>8.0f}{late:>8.0f}{cpu:>8.0f}", flush=True)


def read_cpu_seconds(process: int) -> float:
    """Reads the CPU seconds that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_event(ask: urllib.request.OpenerDirector, home: str, place: str) -> float:
    """Measures the longest of ten times from a commit to its event, seconds."""
    store, heard = Archive(place), threading.Event()
    stream = ask.open(f"{home}/live")
    stream.readline()

    def listen() -> None:
        for line in stream:
            if line.startswith(b"event: change"):
                heard.set()

    threading.Thread(target=listen, daemon=True).start()
    times = []
    for k in range(10):
        time.sleep(1.0)
        heard.clear()
        start = time.perf_counter()
        store.record(RUNS, -1, f"benchmark {time.time()} {k}", {})
        heard.wait(10)
        times.append(time.perf_counter() - start)
    store.close()
    return max(times)


def print_memory(
    ask: urllib.request.OpenerDirector, home: str, pages: Sequence[str], requests: int, process: int
) -> None:
    """Prints resident memory of the server after parts of many requests."""
    rng = Random(0)
    for k in range(requests + 1):
        if k % max(1, requests // 5) == 0:
            pages_used = int(Path(f"/proc/{process}/statm").read_text("utf-8").split()[1])
            print(
                f"after {k} requests: {pages_used * os.sysconf('SC_PAGE_SIZE') / 2**20:.0f} MiB", flush=True
            )
        ask.open(home + rng.choice(pages)).read()


if __name__ == "__main__":
    main()
