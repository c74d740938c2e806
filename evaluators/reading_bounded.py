"""Numbers of a file that must lie between two bounds, and complaints with a line for what a number means."""

from gapsmith.evaluators.base import Trouble
from gapsmith.evaluators.reading import Numbers


class BoundedNumbers(Numbers):
    """The numbers of a text file; each can be asked to be at most a value that was read before."""

    def between(self, meaning: str, least: int, most: int) -> int:
        """The next number. Raises Trouble when it is absent, no integer, or not from `least` to `most`."""
        expected = f"{meaning}, an integer from {least} to {most}"
        value = self.integer(expected.partition(", an integer")[0], least)
        if value > most:
            raise self.complaint(str(value), expected)
        return value

    def complaint(self, found: str, expected: str) -> Trouble:
        """The Trouble with the number that was taken last."""
        line = self._tokens[max(0, self._next - 1)][0]
        return Trouble(f"{self._path}, line {line}: found {found!r}; expected {expected}")

    @property
    def left(self) -> int:
        """How many numbers have not been taken."""
        return len(self._tokens) - self._next
