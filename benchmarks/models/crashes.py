"""`kill -9` of a whole run at random moments, and `resume`: what is lost, and is anything paid for twice?

    python benchmarks/models/crashes.py [--calls 500] [--kills 20] [--seed 0] [--way messages]

Against the same server as `faults.py`, whose answers take half a second here, a run is killed with all its
processes at random moments and resumed as often, then left to end. Replies that the server delivered and the
archive has not are lost, each counted under the kill that lost it: those that were still on their way when the
process died, which nobody could keep, and those that had reached its connection by then and were not committed.
Exits with 1 if more is lost at a kill than was under way, or if the archive differs from the ledger in anything else.

Example: python benchmarks/models/crashes.py --calls 40 --kills 2 --way messages
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from faulty_server import FaultyServer, Mix
from ledger import WAYS, command, compare, environment, rows, run_command, show

from gapsmith.agent import Archive

IN_FLIGHT = 16
EARLY = 0.15


def next_command(server: FaultyServer, way: str, calls: int, archive: Path) -> list[str]:
    """Resumes the run, or begins it where the archive has none yet."""
    if archive.exists():
        store = Archive(str(archive))
        begun = bool(store.list_runs())
        store.close()
        if begun:
            return command("resume", archive=archive)
    return run_command(server, way, calls, archive)


def killed(arguments: list[str], due: Callable[[], bool]) -> int | None:
    """Runs a command until it is due to be killed with all its processes; its exit code if it was quicker."""
    child = subprocess.Popen(arguments, env=environment(), stdout=subprocess.DEVNULL, start_new_session=True)
    while child.poll() is None:
        if due():
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            return None
        time.sleep(0.005)
    return child.returncode


def random_moment(server: FaultyServer, rng: Random, most: int) -> tuple[str, Callable[[], bool]]:
    """A moment to be killed at: in the first seconds, or a little after so many more replies were delivered."""
    begun, replies = time.monotonic(), len(server.delivered) + rng.randint(0, most)
    seconds = rng.uniform(0.0, 6.0)
    if rng.random() < EARLY:
        return f"{seconds:.1f} s", lambda: time.monotonic() - begun > seconds
    later, reached = rng.uniform(0.0, server.mix.latency), list[float]()

    def due() -> bool:
        if not reached and len(server.delivered) >= replies:
            reached.append(time.monotonic())
        return bool(reached) and time.monotonic() - reached[0] > later

    return f"{replies} replies and {later:.2f} s", due


def settled(server: FaultyServer) -> None:
    """Waits until the server has noticed that nobody listens any more."""
    before = -1
    while before != (before := len(server.delivered) + len(server.torn)):
        time.sleep(12 * server.mix.latency)


def measure(way: str, calls: int, kills: int, seed: int) -> bool:
    """One run with its kills; whether nothing went wrong but what a kill must lose."""
    rng, lost, good, uncommitted = Random(seed), set[str](), True, 0
    with tempfile.TemporaryDirectory() as folder, FaultyServer(Mix(latency=0.5), seed) as server:
        archive = Path(folder, "archive.db")
        for kill in range(kills):
            moment, due = random_moment(server, rng, 2 * calls // kills)
            early = killed(next_command(server, way, calls, archive), due)
            died = time.monotonic()
            settled(server)
            if not archive.exists():
                continue
            now = compare(server, way, archive)
            new, lost = set(now.lost) - lost, set(now.lost)
            good &= len(new) <= IN_FLIGHT and now.exact
            there = sum(bill.id in new and bill.at < died for bill in server.delivered)
            uncommitted += there
            record = {"way": way, "kill": kill + 1, "after": moment, "exit": early}
            show(
                "kill", record | {"lost_on_the_way": len(new) - there, "lost_uncommitted": there} | rows(now)
            )
        code = killed(next_command(server, way, calls, archive), lambda: False)
        found = compare(server, way, archive)
        good &= code == 0 and set(found.lost) == lost and found.exact and found.recorded == calls
        show(
            "crashes",
            {"way": way, "kills": kills, "exit": code, "good": good, "lost_uncommitted": uncommitted}
            | rows(found),
        )
    return good


def main() -> None:
    """Prints a line for every kill, and one for the end of every way of asking."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--way", choices=WAYS, action="append")
    given = parser.parse_args()
    good = [measure(way, given.calls, given.kills, given.seed) for way in given.way or WAYS]
    if not all(good):
        sys.exit(1)


if __name__ == "__main__":
    main()
