"""How near a run comes to the rate that its questions allow: sixteen in flight, two seconds an answer, 50 ms a trial.

    python benchmarks/models/throughput.py [--calls 400] [--latency 2.0] [--trial 0.05] [--parallel 16] [--workers 2]

The server answers every question after the latency, without a fault. The sandbox is none: a trial waits for its
time and returns sequences that follow from the program, so that the machine's other work counts less. A program
takes one trial for its probe, and more for the race and the gate; constants are tuned as in any run. Ideal is
PARALLEL answers every LATENCY seconds, from the first request to the last answer; on a busy machine the server
itself is late, so that the share is given against the latency that it really had, too. How busy the machine is, is
told by how late a thread wakes up from its sleep; from answer to next request there are about five. CPU is that of
server and run.

Example: python benchmarks/models/throughput.py --calls 40
"""

import argparse
import os
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from faulty_server import TINY, FaultyServer, Mix
from ledger import KEYS, show, word

from gapsmith.agent import Archive, Budget, Run, Settings
from gapsmith.agent.evaluation.executors.base import Work
from gapsmith.sandbox import Answer, Array, Ending, Job, Json, Level, Outcome, Value

T = TypeVar("T")


class Waiting:
    """Workers whose trials take as long as they are told, and no CPU. `late` sums how much longer they slept."""

    def __init__(self, workers: int, seconds: float) -> None:
        self._pool, self._seconds, self.done, self.late = ThreadPoolExecutor(workers), seconds, 0, 0.0

    def submit(self, work: Work[T]) -> Future[T]:
        """Queues work for the next free worker."""
        return self._pool.submit(self._do, work)

    def close(self) -> None:
        """Ends the workers."""
        self._pool.shutdown(cancel_futures=True)

    def run(self, job: Job) -> Outcome:
        """A sequence for every call, which follows from the program."""
        shift = hash(job.source)
        answers = tuple(Answer(_sequence(call, shift), 0.001) for call in job.calls)
        return Outcome(ending=Ending.OK, answers=answers, level=Level.L4)

    def _do(self, work: Work[T]) -> T:
        self.done, begun = self.done + 1, time.monotonic()
        time.sleep(self._seconds)
        self.late += time.monotonic() - begun - self._seconds
        return work(self, 0.0)


def _sequence(call: Mapping[str, Value], shift: int) -> Json:
    jobs = max(value.shape[0] for value in call.values() if isinstance(value, Array))
    order = sorted(range(jobs), key=lambda job: (job * 7919 + shift) % 1009)
    return list[Json](order)


def measure(given: argparse.Namespace, folder: Path) -> dict[str, float]:
    """One run; its rate, and the ideal one."""
    os.environ.update(KEYS)
    workers = Waiting(given.workers, given.trial)
    mix = Mix(refused=0, broken=0, dropped=0, slow=0, truncated=0, latency=given.latency)
    with FaultyServer(mix) as server:
        settings = Settings(
            problem=str(TINY),
            models=(word(server, given.way),),
            budget=Budget(calls=given.calls),
            parallel=given.parallel,
        )
        cpu = time.process_time()
        run = Run(settings, Archive(str(folder / "archive.db")), executor=workers)
        for _ in run.search():
            pass
        run.close()
        cpu = time.process_time() - cpu
        served = server.delivered
    workers.close()
    seconds = max(bill.at for bill in served) - min(bill.begun for bill in served)
    latency = sum(bill.at - bill.begun for bill in served) / len(served)
    rounds = -(-given.calls // given.parallel)
    return {
        "calls": given.calls,
        "seconds": round(seconds, 2),
        "share_of_ideal": round(rounds * given.latency / seconds, 4),
        "latency_as_served": round(latency, 3),
        "share_as_served": round(rounds * latency / seconds, 4),
        "late_ms_a_wake": round(1000 * workers.late / workers.done, 1),
        "cpu_ms_a_call": round(1000 * cpu / given.calls, 1),
        "trials": workers.done,
        "trials_a_second": round(workers.done / seconds, 1),
    }


def main() -> None:
    """Prints one line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--latency", type=float, default=2.0)
    parser.add_argument("--trial", type=float, default=0.05)
    parser.add_argument("--parallel", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--way", default="chat")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show("throughput", measure(given, Path(folder)))


if __name__ == "__main__":
    main()
