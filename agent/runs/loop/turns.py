"""Turns of a search: what follows from the end of a slot.

Trajectories are given up or started, CPU time becomes the goal, and the search ends.
"""

from dataclasses import replace

from gapsmith.agent.archive import Archive
from gapsmith.agent.models.spec import hide_login
from gapsmith.agent.search.plateaus import describe_fresh_start
from gapsmith.agent.search.state import SearchState

GOAL = "the goal is CPU time now, since the best program is proven optimal on all training instances"


def take_turns(state: SearchState, archive: Archive, run: int, slot: int, share: float) -> str:
    """Takes the turns that are due after a slot.

    Args:
        state: of the search.
        archive: where they are recorded.
        run: its number.
        slot: that has ended.
        share: of the budget that is used up.

    Returns:
        What is to be said of them; mostly nothing.
    """
    news = ""
    if gone := state.arms.cut(share):
        archive.record(run, slot, "arms", {"given up": gone})
    if fresh := state.start_fresh():
        archive.record(run, slot, "plateau", fresh.encode())
        news = describe_fresh_start(replace(fresh, avoided=hide_login(fresh.avoided)).encode())
    if state.begin_speed():
        archive.record(run, slot, "speed", {"goal": GOAL})
        news = GOAL
    if state.is_solved and state.best:
        solved = {"program": state.best.program, "instances": len(state.train.instances)}
        archive.record(run, -1, "solved", solved)
    return news
