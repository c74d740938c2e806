"""Selection: bandits, populations and selectors of parents, a file each."""

from gapsmith.agent.search.selection.alternating import Alternating
from gapsmith.agent.search.selection.best import Best
from gapsmith.agent.search.selection.by_gap import ByGap
from gapsmith.agent.search.selection.by_instances import ByInstances
from gapsmith.agent.search.selection.mates import Complementary, RandomMates

BY_INSTANCES_AND_GAP = Complementary(Alternating(ByInstances(), ByGap()))
BEST = Complementary(Best())
"""The best elite with complementary mates."""

BY_GAP, BEST_BY_GAP = RandomMates(ByGap()), RandomMates(Best())
"""The same without results on single instances, for comparisons."""
