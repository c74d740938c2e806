"""Whole runs against a server that fails a quarter of all requests: is every answer recorded once, at its price?

    python benchmarks/models/faults.py [--calls 500] [--seed 0]

For each way of asking, `gapsmith run` on the tiny problem of the tests in a process of its own, with sixteen
questions open at once: 10 % of the requests get 429, 5 % 500, 5 % are dropped, 5 % are slow, 5 % truncated. Then
the archive is held against what the server delivered. Exits with 1 if they differ.

Example: python benchmarks/models/faults.py --calls 40
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from faulty_server import FaultyServer, Mix
from ledger import WAYS, compare, environment, rows, run_command, show


def measure(way: str, calls: int, seed: int) -> bool:
    """One run; whether the archive has all that it should."""
    with tempfile.TemporaryDirectory() as folder, FaultyServer(Mix(), seed) as server:
        archive, begun = Path(folder, "archive.db"), time.monotonic()
        done = subprocess.run(
            run_command(server, way, calls, archive),
            env=environment(),
            stdout=subprocess.DEVNULL,
            check=False,
        )
        found = compare(server, way, archive)
        seconds = round(time.monotonic() - begun, 1)
        more = {
            "way": way,
            "exit": done.returncode,
            "requests": sum(server.faults.values()),
            "seconds": seconds,
        }
        show("faults", more | {"faults": dict(server.faults), "torn": len(server.torn)} | rows(found))
    return done.returncode == 0 and found.recorded == calls and found.exact and not found.lost


def main() -> None:
    """Prints a line for every way of asking."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    good = [measure(way, given.calls, given.seed) for way in WAYS]
    if not all(good):
        sys.exit(1)


if __name__ == "__main__":
    main()
