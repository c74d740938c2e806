"""`kill -9` of a whole run at random moments, and `resume`: what is lost, and is anything paid for twice?

    python benchmarks/models/crashes.py [--calls 500] [--kills 20] [--seed 0] [--way messages]

Against the same server as `faults.py`, whose answers take half a second here, a run is killed with all its
processes at random moments and resumed as often, then left to end. A reply that the server had delivered when the
process died, and that was not committed, is lost: each is counted under the kill that lost it. Exits with 1 if more
is lost at a kill than was under way, or if the archive differs from the ledger in anything else.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from common import WAYS, command, compare, environment, rows, run_command, show
from faulty_server import FaultyServer, Mix

from gapsmith.agent import Archive

IN_FLIGHT = 16
LONGEST_SECONDS = 9.0


def next_command(server: FaultyServer, way: str, calls: int, archive: Path) -> list[str]:
    """Resumes the run, or begins it where the archive has none yet."""
    if archive.exists():
        store = Archive(str(archive))
        begun = bool(store.runs())
        store.close()
        if begun:
            return command("resume", archive=archive)
    return run_command(server, way, calls, archive)


def killed(arguments: list[str], seconds: float | None) -> int | None:
    """Runs a command until that moment, then kills it with all its processes; its exit code if it was quicker."""
    child = subprocess.Popen(arguments, env=environment(), stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        return None


def settled(server: FaultyServer) -> None:
    """Waits until the server has noticed that nobody listens any more."""
    before = -1
    while before != (before := len(server.delivered) + len(server.torn)):
        time.sleep(12 * server.mix.latency)


def measure(way: str, calls: int, kills: int, seed: int) -> bool:
    """One run with its kills; whether nothing went wrong but what a kill must lose."""
    rng, lost, good = Random(seed), set[str](), True
    with tempfile.TemporaryDirectory() as folder, FaultyServer(Mix(latency=0.5), seed) as server:
        archive = Path(folder, "archive.db")
        for kill in range(kills):
            moment = rng.uniform(0.3, LONGEST_SECONDS)
            early = killed(next_command(server, way, calls, archive), moment)
            settled(server)
            if not archive.exists():
                continue
            now = compare(server, way, archive)
            new, lost = set(now.lost) - lost, set(now.lost)
            good &= len(new) <= IN_FLIGHT and now.exact
            show(
                "kill",
                {"way": way, "kill": kill + 1, "after": round(moment, 2), "exit": early, "new_lost": len(new)}
                | rows(now),
            )
        code = killed(next_command(server, way, calls, archive), None)
        found = compare(server, way, archive)
        good &= code == 0 and set(found.lost) == lost and found.exact and found.recorded == calls
        show("crashes", {"way": way, "kills": kills, "exit": code, "good": good} | rows(found))
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
