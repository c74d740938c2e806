"""The child that solves models: a request a line on its input, a reply a line on its output, both JSON.

It trusts nothing about a model, and is itself replaceable: memory is limited here, time by its parent.
"""

import json
import os
import resource
import sys

from gapsmith.evaluators.formulations.solving import answer

MEMORY_MB = 4096
"""Of addresses, OR-Tools and its libraries included."""


def main() -> None:
    """Answers until the input ends."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a solver prints is no reply
    limit = MEMORY_MB << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except MemoryError:
            reply = {"refused": f"the model needs more than {MEMORY_MB} MB to be solved"}
        output.write(json.dumps(reply) + "\n")
        output.flush()


if __name__ == "__main__":
    main()
