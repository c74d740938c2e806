"""Reference rules for the symmetric TSP.

Each is self-contained: its source runs in the sandbox as a candidate's would.

Ties: every rule takes the city, or pair of cities, of the lowest index; tours start at city 0.
"""

# The annotations of the rules would be noise in the modules made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"

import numpy as np

from gapsmith.evaluators.grammar import Rule


def nearest_neighbour(distance):
    """From city 0, go on to the nearest city not yet visited."""
    left, sequence = np.arange(1, len(distance)), [0]
    while left.size:
        sequence.append(left[np.argmin(distance[sequence[-1], left])])
        left = left[left != sequence[-1]]
    return sequence


def greedy_edge(distance):
    """Take edges from the shortest on, unless one would give a city three or close a circle too early."""
    n = len(distance)
    first, second = np.triu_indices(n, 1)
    degree, other_end, neighbours = [0] * n, list(range(n)), [[] for _ in range(n)]
    for edge in np.argsort(distance[first, second], kind="stable"):
        a, b = int(first[edge]), int(second[edge])
        if degree[a] == 2 or degree[b] == 2 or other_end[a] == b:
            continue
        neighbours[a].append(b)
        neighbours[b].append(a)
        degree[a], degree[b] = degree[a] + 1, degree[b] + 1
        head, tail = other_end[a], other_end[b]
        other_end[head], other_end[tail] = tail, head
    return walk(neighbours, degree)


def walk(neighbours, degree):
    """The order of the cities along a path that spans them all."""
    sequence = [degree.index(min(degree))]
    before = -1
    while len(sequence) < len(neighbours):
        here = sequence[-1]
        ahead = [city for city in neighbours[here] if city != before]
        before = here
        sequence.append(ahead[0])
    return sequence


def savings(distance):
    """Clarke and Wright's savings, with city 0 as the depot, over the pairs of the other cities."""
    n = len(distance)
    first, second = np.triu_indices(n, 1)
    saved = distance[0, first] + distance[0, second] - distance[first, second]
    degree, other_end, neighbours = [0] * n, list(range(n)), [[] for _ in range(n)]
    for edge in np.argsort(-saved, kind="stable"):
        a, b = int(first[edge]), int(second[edge])
        if a == 0 or degree[a] == 2 or degree[b] == 2 or other_end[a] == b:
            continue
        neighbours[a].append(b)
        neighbours[b].append(a)
        degree[a], degree[b] = degree[a] + 1, degree[b] + 1
        head, tail = other_end[a], other_end[b]
        other_end[head], other_end[tail] = tail, head
    return [0, *[city + 1 for city in walk([[c - 1 for c in row] for row in neighbours[1:]], degree[1:])]]


def insert(distance, sequence, city):
    """Puts a city where it makes the closed tour grow least, the first such place on ties."""
    here = np.array(sequence)
    after = np.roll(here, -1)
    growth = distance[here, city] + distance[city, after] - distance[here, after]
    sequence.insert(int(np.argmin(growth)) + 1, city)


def farthest_insertion(distance):
    """From the two cities farthest apart, insert the city whose nearest one on the tour is farthest away."""
    a, b = np.unravel_index(np.argmax(distance), distance.shape)
    sequence = [int(a), int(b)] if a != b else [0, 1]
    nearest = distance[sequence].min(axis=0)
    inside = np.zeros(len(distance), dtype=bool)
    inside[sequence] = True
    while len(sequence) < len(distance):
        city = int(np.argmax(np.where(inside, -1, nearest)))
        insert(distance, sequence, city)
        inside[city] = True
        nearest = np.minimum(nearest, distance[city])
    return sequence


def cheapest_insertion(distance):
    """From the two cities closest together, insert the city, at the place, that makes the tour grow least."""
    n = len(distance)
    first, second = np.triu_indices(n, 1)
    edge = int(np.argmin(distance[first, second]))
    sequence = [int(first[edge]), int(second[edge])]
    left = np.array([city for city in range(n) if city not in sequence], dtype=np.int64)
    while left.size:
        here = np.array(sequence)
        after = np.roll(here, -1)
        growth = distance[left][:, here] + distance[left][:, after] - distance[here, after]
        row, place = divmod(int(np.argmin(growth)), len(sequence))
        sequence.insert(place + 1, int(left[row]))
        left = np.delete(left, row)
    return sequence


def exchange(distance, sequence):
    """2-opt: sweeps in which every edge takes its best improving exchange, at most 50 and while one helps."""
    sequence = np.array(sequence)
    n = len(sequence)
    for _ in range(50):
        improved = False
        for i in range(n - 2):
            after = np.roll(sequence, -1)
            ends = np.arange(i + 2, n - (i == 0))
            a, b, c, e = sequence[i], after[i], sequence[ends], after[ends]
            change = distance[a, c] + distance[b, e] - distance[a, b] - distance[c, e]
            if change.size and change.min() < 0:
                j = int(ends[np.argmin(change)])
                sequence[i + 1 : j + 1] = sequence[i + 1 : j + 1][::-1]
                improved = True
        if not improved:
            break
    return sequence


def shift(distance, sequence):
    """Or-opt: sweeps that move up to three neighbours to their best place elsewhere, either way round; at most 50."""
    sequence = list(sequence)
    n = len(sequence)
    for _ in range(50):
        improved = False
        for length in (3, 2, 1):
            for i in range(n if n > length + 2 else 0):
                turned = sequence[i:] + sequence[:i]
                part, rest = turned[:length], np.array(turned[length:])
                here, after = rest[:-1], rest[1:]
                freed = (
                    distance[rest[-1], part[0]] + distance[part[-1], rest[0]] - distance[rest[-1], rest[0]]
                )
                ahead = distance[here, part[0]] + distance[part[-1], after] - distance[here, after]
                back = distance[here, part[-1]] + distance[part[0], after] - distance[here, after]
                grown = np.minimum(ahead, back)
                place = int(np.argmin(grown))
                if grown[place] < freed:
                    part = part if ahead[place] <= back[place] else part[::-1]
                    sequence = [*rest[: place + 1].tolist(), *part, *rest[place + 1 :].tolist()]
                    improved = True
        if not improved:
            break
    return sequence


def two_opt(distance):
    """2-opt from the nearest neighbour's tour."""
    return exchange(distance, nearest_neighbour(distance))


def two_opt_or_opt(distance):
    """2-opt from the greedy tour, then or-opt, then 2-opt again."""
    return exchange(distance, shift(distance, exchange(distance, greedy_edge(distance))))


_BENTLEY = "Bentley 1992, Fast algorithms for geometric traveling salesman problems, ORSA J. Comput. 4"
_INSERTION = "Rosenkrantz, Stearns and Lewis 1977, SIAM J. Comput. 6"

RULES = (
    Rule("NN", nearest_neighbour, f"nearest neighbour: Flood 1956; {_INSERTION}"),
    Rule("Greedy", greedy_edge, f"greedy edge, or multi-fragment: {_BENTLEY}", (walk,)),
    Rule("Savings", savings, "Clarke and Wright 1964, Oper. Res. 12", (walk,)),
    Rule("CheapestInsertion", cheapest_insertion, _INSERTION),
    Rule("FarthestInsertion", farthest_insertion, f"{_INSERTION}, section 4", (insert,)),
    Rule(
        "TwoOpt",
        two_opt,
        "Croes 1958, Oper. Res. 6; from NN, best exchange of each edge",
        (nearest_neighbour, exchange),
    ),
    Rule(
        "TwoOptOrOpt",
        two_opt_or_opt,
        f"Croes 1958 and Or 1976, combined as in {_BENTLEY}",
        (walk, greedy_edge, exchange, shift),
    ),
)
