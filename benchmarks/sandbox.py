"""What the sandbox costs here. Run it alone: `python benchmarks/sandbox.py [--repetitions N] [--candidates N]`.

CPU times are robust against other work on the machine; wall times are not, and are printed with the load.

Example: python benchmarks/sandbox.py --repetitions 20 --candidates 200
"""

import argparse
import gc
import os
import platform
import re
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from gapsmith.sandbox import Array, Call, Ending, Job, Level, Limits, Sandbox, open_sandbox
from gapsmith.sandbox.latency import NULL, measure

INSTANCES = 36
IMPORTS = 15
CP_SAT = """
from ortools.sat.python import cp_model
def solve():
    model = cp_model.CpModel()
    a, b = model.new_int_var(0, 10, "a"), model.new_int_var(0, 10, "b")
    model.add(a + b <= 12)
    model.maximize(2 * a + b)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.solve(model)
    return [solver.value(a), solver.value(b)]
"""
LOCAL_SEARCH = """
import numpy as np
from numba import njit

@njit
def two_opt(tour, d, sweeps):
    n, found = len(tour), 0
    for s in range(sweeps):
        for i in range(n - 1):
            for j in range(i + 2, n):
                a, b, c, e = tour[i], tour[i + 1], tour[j], tour[(j + 1) % n]
                if d[a, b] + d[c, e] > d[a, c] + d[b, e]:
                    low, high = i + 1, j
                    while low < high:
                        tour[low], tour[high] = tour[high], tour[low]
                        low, high = low + 1, high - 1
                    found += 1
    return found

def solve(d):
    tour = np.arange(len(d))
    two_opt(tour, d, 5)
    return tour
"""
"""A local search for tours; without its two lines of numba it is the same in Python."""
HOST = """
from gapsmith.sandbox import Job, Level, Limits, open_sandbox
with open_sandbox(minimum=Level.L0) as box:
    print("open", flush=True)
    box.run(Job(source="def f():\\n    while True: pass", entry="f", calls=({},), limits=Limits(cpu_seconds=600)))
"""


def main() -> None:
    """Prints every figure, one to a line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=500)
    parser.add_argument("--candidates", type=int, default=10_000)
    arguments = parser.parse_args()
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, uid {os.getuid()}"
    )
    for figure in figures(arguments.repetitions, arguments.candidates):
        print(f"{figure}   [load {os.getloadavg()[0]:.1f}]", flush=True)


def figures(repetitions: int, candidates: int) -> Iterator[str]:
    """The lines of the report."""
    with open_sandbox("numpy", minimum=Level.L0) as box:
        yield f"isolation                        {box.isolation.word}"
        yield from null_program(box, repetitions)
        yield batch(box)
    with open_sandbox("ortools", minimum=Level.L0) as box:
        tiny = measure(box, Job(source=CP_SAT, entry="solve", calls=({},)), repetitions)
        yield f"tiny CP-SAT model, latency       p50 {tiny.latency_ms_p50:.2f} ms, p95 {tiny.latency_ms_p95:.2f} ms"
    yield from compiled(repetitions)
    yield from throughput(candidates)
    yield parent_killed()


def compiled(repetitions: int) -> Iterator[str]:
    """The guest with numba: the program that does nothing, and a local search that is written twice."""
    plain = LOCAL_SEARCH.replace("from numba import njit\n", "").replace("@njit\n", "")
    with open_sandbox("numba", minimum=Level.L0) as box:
        null = measure(box, NULL, repetitions)
        yield f"null program with numba, CPU     p50 {null.cpu_ms_p50:.2f} ms"
        seconds = []
        for source, checked in ((plain, False), (LOCAL_SEARCH, False), (LOCAL_SEARCH, True)):
            job = Job(
                source=source,
                entry="solve",
                calls=(distances(500),) * 3,
                limits=Limits(cpu_seconds=120.0),
                warm_up=distances(5),
                checked=checked,
            )
            outcome = box.run(job)
            assert outcome.ending is Ending.OK, outcome.message
            seconds.append(min(answer.cpu_seconds for answer in outcome.answers))
    ratio = seconds[0] / seconds[1]
    yield f"local search in Python, compiled {seconds[0]:.3f} s, {seconds[1]:.5f} s: {ratio:.0f} times as fast"
    yield f"compiled with bounds checks      {seconds[2]:.5f} s, {seconds[2] / seconds[1]:.2f} times as long"
    yield f"compiling it                     {outcome.compile_seconds:.2f} s of CPU, machine code reused"


def distances(count: int) -> Call:
    """The distances of points on a ring that is walked in strides: an array of integers."""
    places = [7 * k % count for k in range(count)]
    rows = [min(abs(a - b), count - abs(a - b)) for a in places for b in places]
    return {"d": Array("<i8", (count, count), b"".join(value.to_bytes(8, "little") for value in rows))}


def null_program(box: Sandbox, repetitions: int) -> Iterator[str]:
    """The program that does nothing, against an interpreter that imports numpy."""
    measure(box, NULL, 20)
    imports = [cpu_of_import() for _ in range(IMPORTS)]
    null = measure(box, NULL, repetitions)
    yield f"null program, latency            p50 {null.latency_ms_p50:.2f} ms, p95 {null.latency_ms_p95:.2f} ms"
    yield f"null program, CPU of all         p50 {null.cpu_ms_p50:.2f} ms"
    imported = 1000 * statistics.median(imports)
    yield f'CPU of python -c "import numpy"  p50 {imported:.1f} ms, {imported / null.cpu_ms_p50:.1f} times as much'


def cpu_of_import() -> float:
    """CPU seconds of a fresh interpreter that imports numpy."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "import numpy"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def batch(box: Sandbox) -> str:
    """What one more instance costs in a batch: (36 instances - 1) / 35, with 100 numbers in each."""
    call = {"p": Array("<i8", (100,), bytes(800)), "d": Array("<i8", (100,), bytes(800))}

    def median(count: int) -> float:
        job = Job(source="def f(p, d): return list(range(100))", entry="f", calls=(call,) * count)
        return statistics.median(box.run(job).wall_seconds for _ in range(60))

    each = 1000 * (median(INSTANCES) - median(1)) / (INSTANCES - 1)
    return f"one more instance in a batch     {each:.3f} ms"


def throughput(candidates: int) -> Iterator[str]:
    """Two workers on null programs, and what has grown in the meantime."""
    with ExitStack() as stack:
        boxes = [stack.enter_context(open_sandbox(minimum=Level.L0, slot=slot)) for slot in range(2)]
        rounds(boxes, 200)
        before, begun = census(), time.monotonic()
        rounds(boxes, candidates)
        seconds, after = time.monotonic() - begun, census()
    yield f"two workers                      {candidates / seconds:.0f} programs a second, {candidates} of them"
    yield f"memory of all, processes, descriptors before  {before[0]:.1f} MiB, {before[1]}, {before[2]}"
    yield f"memory of all, processes, descriptors after   {after[0]:.1f} MiB, {after[1]}, {after[2]}"


def rounds(boxes: list[Sandbox], candidates: int) -> None:
    """Shares null programs out among the boxes, a thread for each."""

    def work(box: Sandbox) -> None:
        for _ in range(candidates // len(boxes)):
            assert box.run(NULL).ending is Ending.OK

    with ThreadPoolExecutor(len(boxes)) as pool:
        list(pool.map(work, boxes))


def census() -> tuple[float, int, int]:
    """Memory of this process and its sandboxes' own in MiB, number of processes, this process's descriptors."""
    time.sleep(0.5)  # Lets the spare children settle.
    gc.collect()
    pids = processes_of(os.getpid())
    return sum(map(memory, [os.getpid(), *pids])), len(pids), len(os.listdir("/proc/self/fd"))


def memory(pid: int) -> float:
    """Private memory of a process in MiB: anonymous pages, as its status tells everybody."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return 0.0


def processes_of(host: int) -> list[int]:
    """All processes of a host's sandboxes, by their command lines."""
    mark = re.compile(rb'"host": %d\b' % host)
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.search((entry / "cmdline").read_bytes()):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def parent_killed() -> str:
    """Seconds from SIGKILL to the host until none of its processes is left."""
    longest = max(killed_at(delay) for delay in (0.0, 0.05, 0.1, 0.2, 0.3))
    return f"host killed while running        nothing left after {longest:.2f} s at most"


def killed_at(delay: float) -> float:
    """One host, killed so long after its sandbox opened."""
    with subprocess.Popen([sys.executable, "-c", HOST], stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        host.stdout.readline()
        time.sleep(delay)
        host.send_signal(signal.SIGKILL)
        return until(lambda: not processes_of(host.pid))


def until(condition: Callable[[], bool]) -> float:
    """Seconds until a condition holds."""
    begun = time.monotonic()
    while not condition():
        time.sleep(0.005)
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
