"""Classical ways to strengthen the sums of the quadratic assignment problem."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from gapsmith.evaluators.formulations.contract import Claim, make_pattern


def least_costs(flow, distance):
    """What a facility costs at a location at least: the largest flows go the shortest ways; [n, n]."""
    n = len(flow)
    least = flow.diagonal()[:, None] * distance.diagonal()
    for i in range(n):
        flows = np.sort(np.delete(flow[i], i))[::-1]
        for j in range(n):
            least[i, j] += int(flows @ np.sort(np.delete(distance[j], j)))
    return least


def good_assignment(flow, distance):
    """The best of n rotations, each improved by exchanges of two as long as they help."""

    def cost(place):
        return int((flow * distance[np.ix_(place, place)]).sum())

    best, n = np.arange(len(flow)), len(flow)
    for turn in range(n):
        place, improved = np.roll(np.arange(n), turn), True
        while improved:
            improved = False
            for i in range(n):
                for k in range(i):
                    trial = place.copy()
                    trial[[i, k]] = place[[k, i]]
                    if cost(trial) < cost(place):
                        place, improved = trial, True
        best = min(best, place, key=cost)
    return best, cost(best)


def mirrors(distance):
    """Renumberings of the locations that change no distance, all of them, or the first 200 that are found."""
    n, found = len(distance), []

    def extend(image):
        k = len(image)
        if k == n:
            found.append(image)
            return
        for j in range(n):
            if len(found) < 200 and j not in image and distance[j, j] == distance[k, k]:
                same = (distance[k, :k] == distance[j, image]).all() and (
                    distance[:k, k] == distance[image, j]
                ).all()
                if same:
                    extend([*image, j])

    extend([])
    return np.array(found)


def gilmore_lawler_costs(model, variables, data):
    """A facility costs at least its largest flows over the shortest ways from its location."""
    least = least_costs(data["flow"], data["distance"])
    for i, line in enumerate(variables["at"]):
        paid = sum(int(least[i, j]) * each for j, each in enumerate(line))
        model.add(variables["cost"][i] >= paid).with_name("implied: Gilmore-Lawler costs")


def assignment_bound(model, variables, data):
    """All facilities cost at least their least costs, each at its cheapest location, or each location at its own."""
    least = least_costs(data["flow"], data["distance"])
    bound = max(int(least.min(axis=1).sum()), int(least.min(axis=0).sum()))
    model.add(sum(variables["cost"]) >= bound).with_name("bound: least costs")


def products(model, variables, data):
    """Adams and Johnson's products of two places, for pairs of facilities with flow between them."""
    at, flow, distance = variables["at"], data["flow"], data["distance"]
    n, paid = len(flow), [0] * len(flow)
    for i in range(n):
        for k in range(i):
            if flow[i, k] or flow[k, i]:
                both = [[model.new_bool_var(f"{i} at {j}, {k} at {h}") for h in range(n)] for j in range(n)]
                for j in range(n):
                    model.add(sum(both[j]) == at[i][j]).with_name("channel: product")
                    model.add(sum(line[j] for line in both) == at[k][j]).with_name("channel: product")
                    for h in range(n):
                        paid[i] += int(flow[i, k] * distance[j, h]) * both[j][h]
                        paid[k] += int(flow[k, i] * distance[h, j]) * both[j][h]
    for i in range(n):
        alone = sum(int(flow[i, i] * distance[j, j]) * at[i][j] for j in range(n))
        model.add(variables["cost"][i] >= paid[i] + alone).with_name("implied: cost by products")


def enforced_least_costs(model, variables, data):
    """At its location a facility costs at least its largest flows over the shortest ways."""
    at, flow, distance = variables["at"], data["flow"], data["distance"]
    n = len(flow)
    shortest = np.array([np.sort(np.delete(line, j)) for j, line in enumerate(distance)])
    for i in range(n):
        flows = np.sort(np.delete(flow[i], i))[::-1]
        for j in range(n):
            rest = int(flows @ shortest[j]) + int(flow[i, i] * distance[j, j])
            bound = model.add(variables["cost"][i] >= rest).with_name("implied: enforced least cost")
            bound.only_enforce_if(at[i][j])


def mirrored_locations(model, variables, data):
    """The facility of largest flow stands at one location of each class of mirrored ones."""
    images = mirrors(data["distance"])
    busiest = int(np.argmax(data["flow"].sum(axis=0) + data["flow"].sum(axis=1)))
    if len(images) < 200:
        for j in range(images.shape[1]):
            if images[:, j].min() < j:
                model.add(variables["at"][busiest][j] == 0).with_name("symmetry: mirrored locations")


def equal_facilities(model, variables, data):
    """Of facilities whose exchange changes no flow that of lower number has the lower location."""
    at, flow = variables["at"], data["flow"]
    for i in range(len(flow)):
        for k in range(i + 1, len(flow)):
            order = np.arange(len(flow))
            order[[i, k]] = k, i
            if (flow[np.ix_(order, order)] == flow).all():
                for j in range(len(flow)):
                    lower = sum(at[i][: j + 1])
                    model.add(sum(at[k][: j + 1]) <= lower).with_name("symmetry: equal facilities")


def places(model, variables, data):
    """The location of each facility as a variable, all different."""
    at = variables["at"]
    place = [model.new_int_var(0, len(at) - 1, f"location of {i}") for i in range(len(at))]
    for i, line in enumerate(at):
        model.add(place[i] == sum(j * each for j, each in enumerate(line))).with_name("channel: location")
    model.add_all_different(place).with_name("implied: different locations")


def upper_bound(model, variables, data):
    """The cost of a good assignment."""
    _, total = good_assignment(data["flow"], data["distance"])
    model.add(sum(variables["cost"]) <= total).with_name("bound: a good assignment")


def hint(model, variables, data):
    """A good assignment to start from."""
    place, _ = good_assignment(data["flow"], data["distance"])
    for i, line in enumerate(variables["at"]):
        for j, each in enumerate(line):
            model.add_hint(each, int(place[i] == j))


GILMORE = "Gilmore 1962; Lawler 1963, Management Science 9"
SWAPS = "Armour and Buffa 1963, Management Science 9: exchanges"

PATTERNS = (
    make_pattern(
        gilmore_lawler_costs, Claim.IMPLIED, "Xia and Yuan 2006, Optim. Methods Softw. 21", (least_costs,)
    ),
    make_pattern(enforced_least_costs, Claim.IMPLIED, GILMORE),
    make_pattern(assignment_bound, Claim.BOUND, GILMORE, (least_costs,)),
    make_pattern(products, Claim.CHANNEL, "Adams and Johnson 1994, DIMACS 16"),
    make_pattern(
        mirrored_locations, Claim.SYMMETRY, "Mautor and Roucairol 1994, Discrete Applied Math. 55", (mirrors,)
    ),
    make_pattern(equal_facilities, Claim.SYMMETRY, "folklore: an exchange of equal facilities"),
    make_pattern(places, Claim.CHANNEL, "folklore: the inverse view"),
    make_pattern(upper_bound, Claim.BOUND, SWAPS, (good_assignment,)),
    make_pattern(hint, Claim.HINT, SWAPS, (good_assignment,)),
)
