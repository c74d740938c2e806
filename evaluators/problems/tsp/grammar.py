"""Building blocks of programs for the symmetric TSP.

What the genetic programmer assembles, in the field's terms.

Every block bounds its own work, so that none comes near the CPU limit on the sizes that a search uses: a run of
`offline` must give the same archive on a slow machine as on a fast one.
"""

# Blocks are sources of candidates: annotations would be noise there.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, name-defined, var-annotated"

import numpy as np

from gapsmith.evaluators.grammar import SECONDS, Grammar, Terminal
from gapsmith.evaluators.problems.tsp.compiled import join_fragments, list_near, search_locally


def tour(distance):
    """Builds a tour, improves it, and improves it once more in another way."""
    return polish(distance, improve(distance, construct(distance)))


def append(distance):
    """A path from the first city: at each step the unvisited city with the least priority goes to its end."""
    left, sequence = np.arange(1, len(distance)), [0]
    size = float(len(distance))
    while left.size:
        last = sequence[-1]
        near = distance[last, left] * 1.0
        home = distance[0, left] * 1.0
        detour = near + home - distance[last, 0]
        among = distance[left][:, left] * 1.0
        mean = among.sum(axis=1) / max(left.size - 1, 1)
        np.fill_diagonal(among, np.inf)
        least = among.min(axis=1) if left.size > 1 else near
        share = left.size / size
        priority = near
        chosen = left[np.argmin(priority)]
        sequence.append(chosen)
        left = left[left != chosen]
    return np.array(sequence)


def either_end(distance):
    """A path that grows at both ends: the city with the least priority joins the end that is nearer."""
    left, sequence = np.arange(1, len(distance)), [0]
    size = float(len(distance))
    while left.size:
        to_last, to_first = distance[sequence[-1], left], distance[sequence[0], left]
        near = np.minimum(to_last, to_first) * 1.0
        home = np.maximum(to_last, to_first) * 1.0
        detour = near + home - distance[sequence[-1], sequence[0]]
        among = distance[left][:, left] * 1.0
        mean = among.sum(axis=1) / max(left.size - 1, 1)
        np.fill_diagonal(among, np.inf)
        least = among.min(axis=1) if left.size > 1 else near
        share = left.size / size
        priority = near
        place = int(np.argmin(priority))
        if to_last[place] <= to_first[place]:
            sequence.append(left[place])
        else:
            sequence.insert(0, left[place])
        left = np.delete(left, place)
    return np.array(sequence)


def insertion(distance):
    """The city with the least priority goes where the closed tour grows least; it starts with the farthest pair."""
    start = int(np.argmax(distance.max(axis=1)))
    sequence = np.array([start, int(np.argmax(distance[start]))])
    if sequence[0] == sequence[1]:
        sequence = np.array([0, 1])
    left = np.setdiff1d(np.arange(len(distance)), sequence)
    size = float(len(distance))
    while left.size:
        after = np.roll(sequence, -1)
        to_tour = distance[left][:, sequence]
        growth = to_tour + distance[left][:, after] - distance[sequence, after]
        near = to_tour.min(axis=1) * 1.0
        home = distance[start, left] * 1.0
        detour = growth.min(axis=1) * 1.0
        among = distance[left][:, left] * 1.0
        mean = among.sum(axis=1) / max(left.size - 1, 1)
        np.fill_diagonal(among, np.inf)
        least = among.min(axis=1) if left.size > 1 else near
        share = left.size / size
        priority = -near
        place = int(np.argmin(priority))
        sequence = np.insert(sequence, int(np.argmin(growth[place])) + 1, left[place])
        left = np.delete(left, place)
    return sequence


def fragments(distance):
    """Edges from the shortest on, unless one would give a city too many or close a circle too early."""
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
    sequence, before = [degree.index(min(degree))], -1
    while len(sequence) < n:
        here = sequence[-1]
        ahead = [city for city in neighbours[here] if city != before]
        before = here
        sequence.append(ahead[0])
    return np.array(sequence)


def keep(distance, sequence):
    """No improvement."""
    return sequence


def two_opt(distance, sequence):
    """Sweeps in which every edge takes its best improving exchange, in a bounded number."""
    sequence = sequence.copy()
    n = len(sequence)
    for _ in range(10):
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


def or_opt(distance, sequence):
    """Sweeps that move short chains of neighbours to their best place elsewhere, either way round."""
    sequence = sequence.tolist()
    n = len(sequence)
    for _ in range(5):
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
                    sequence = rest[: place + 1].tolist() + part + rest[place + 1 :].tolist()
                    improved = True
        if not improved:
            break
    return np.array(sequence)


def reinsert(distance, sequence):
    """Each city in turn is taken out and put where the closed tour grows least, in a few rounds."""
    for _ in range(3):
        for city in sequence.copy():
            rest = sequence[sequence != city]
            after = np.roll(rest, -1)
            growth = distance[rest, city] + distance[city, after] - distance[rest, after]
            sequence = np.insert(rest, int(np.argmin(growth)) + 1, city)
    return sequence


def compiled_fragments(distance):
    """Compiled: edges to near cities from the shortest on, and then the nearest ends of what they join."""
    return join_fragments(distance, list_near(distance, 8))


def in_order(distance):
    """The cities in the order in which they are given."""
    return np.arange(len(distance))


def brief_local(distance, sequence):
    """Compiled iterated local search with near cities, of brief work."""
    return search_locally(distance, list_near(distance, 8), sequence, 0.0, int(SECONDS * 3000000), 1)


def local(distance, sequence):
    """Compiled iterated local search with near cities; no tour is accepted that is longer."""
    return search_locally(distance, list_near(distance, 8), sequence, 0.0, int(SECONDS * 8000000), 1)


def warm_local(distance, sequence):
    """Compiled iterated local search with near cities; tours that are a little longer are accepted."""
    return search_locally(distance, list_near(distance, 6), sequence, 0.05, int(SECONDS * 8000000), 1)


def long_local(distance, sequence):
    """Compiled iterated local search with near cities, of long work."""
    return search_locally(distance, list_near(distance, 8), sequence, 0.03, int(SECONDS * 14000000), 1)


IMPROVEMENTS = (keep, two_opt, or_opt, reinsert)

GRAMMAR = Grammar(
    main=tour,
    blocks={
        "construct": (append, either_end, insertion, fragments),
        "improve": IMPROVEMENTS,
        "polish": IMPROVEMENTS,
    },
    compiled={"construct": (compiled_fragments, in_order)}
    | dict.fromkeys(("improve", "polish"), (brief_local, local, warm_local, long_local)),
    terminals=(
        Terminal("near", "length", "distance of each unvisited city from the part built so far, an array"),
        Terminal(
            "home", "length", "its distance from the first city, or from the path's farther end, an array"
        ),
        Terminal("detour", "length", "how much the closed tour would grow by it, an array"),
        Terminal("mean", "length", "its mean distance from the other unvisited cities, an array"),
        Terminal("least", "length", "its distance from the nearest other unvisited city, an array"),
        Terminal("share", "ratio", "unvisited cities as a share of all"),
    ),
    priorities=(
        "near",
        "-near",
        "detour",
        "-detour",
        "near - 0.5 * mean",
        "near - 0.5 * home",
        "near - share * mean",
        "near - 0.5 * least",
        "detour - near",
    ),
)
