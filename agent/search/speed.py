"""CPU time as the objective, once all training instances are solved."""

from dataclasses import dataclass


@dataclass
class SpeedGoal:
    """Whether CPU time is the goal, and how long none was gained.

    Measured times differ from run to run, and so do decisions by them: it is no goal where equal seeds must give
    equal archives.

    Attributes:
        wanted: whether it may become the goal.
        patience: slots without a faster program after which the search ends.
        begun: whether it is the goal now.
        slots: without a faster program so far.
    """

    wanted: bool
    patience: int
    begun: bool = False
    slots: int = 0

    def note_slot(self, faster: bool) -> None:
        """Notes a slot's end."""
        if self.begun:
            self.slots = 0 if faster else self.slots + 1

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be gained, or never was."""
        return not self.wanted or (self.begun and self.slots >= self.patience)
