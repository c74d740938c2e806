"""The conformance suite for authors of problems, as the tests use it.

It is part of the package, so that a problem of one's own can be tried without a clone of this repository.
"""

from gapsmith.evaluators.integrity.conformance import PROMISES, find_broken_promises

__all__ = ["PROMISES", "find_broken_promises"]
