"""Proven optima of 1‖ΣwjTj, each with its sequence, priced again before it is believed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline, Trouble

Integers: TypeAlias = "NDArray[np.int64]"
Numbers: TypeAlias = "Sequence[int] | NDArray[np.integer]"

@dataclass(frozen=True)
class Solved:
    """What the search found.

    Attributes:
        sequence: job numbers in processing order.
        total: total weighted tardiness of `sequence`.
        lower: proven lower bound; equal to `total` when the sequence is optimal.
    """

    sequence: list[int]
    total: int
    lower: int

    @property
    def proven(self) -> bool:
        """Whether no sequence costs less."""
        return self.lower == self.total


def total_weighted_tardiness(p: Numbers, w: Numbers, d: Numbers, sequence: Sequence[int]) -> int:
    """Prices a sequence of all jobs, started at time zero."""
    completion = total = 0
    for job in sequence:
        completion += int(p[job])
        total += int(w[job]) * max(0, completion - int(d[job]))
    return total


SCALE = 1024
TRACE = False


class Proven(Exception):
    pass


class Table:
    def __init__(self, jobs, scale):
        from gapsmith.evaluators.exact import start_times as K
        self.K = K
        self.jobs = jobs
        p, w, d = jobs
        n = p.size
        T = int(p.sum())
        moments = np.arange(T + 1)[:, None]
        self.table = scale * w * np.maximum(0, moments - d)
        early = (p[:, None] <= p) & (w[:, None] >= w) & (d[:, None] <= d) & (np.arange(n)[:, None] < np.arange(n))
        first = p + (early * p[:, None]).sum(axis=0)
        last = T - (early * p).sum(axis=1)
        self.table[(moments < first) | (moments > last)] = K.NEVER
        self.heads = K.Steps(*(np.empty(T + 1, np.int64) for _ in range(4)))
        self.tails = K.Steps(*(np.empty(T + 1, np.int64) for _ in range(4)))
        self.visits = np.zeros(n, np.int64)
        self.left = int((self.table < K.NEVER).sum())

    def shortest(self, mu):
        v = self.K.walk_forward(self.table, self.jobs.processing, mu, self.heads)
        if v < self.K.NEVER:
            self.K.count_visits(self.jobs.processing, self.heads, self.visits)
        return v

    def order(self):
        K = self.K
        out = []
        moment, job = len(self.heads.best) - 1, -1
        while moment > 0:
            job = int(self.heads.next_job[moment] if self.heads.job[moment] == job else self.heads.job[moment])
            out.append(job)
            moment -= int(self.jobs.processing[job])
        return out[::-1]

    def prune(self, mu, limit):
        self.left = self.K.prune_table(self.table, self.jobs.processing, mu, self.heads, self.tails, limit)
        return self.left

    def size(self):
        return self.left


class StateGraph:
    def __init__(self, graph, n):
        from gapsmith.evaluators.exact import state_graph as K
        self.K = K
        self.n = n
        self.visits_ = np.zeros(n + 2, np.int64)
        self.order_ = np.zeros(n, np.int64)
        self.setup(graph)

    def setup(self, graph):
        self.g = graph
        m = graph.job.size
        mk = lambda: self.K.Walks(np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m, np.int32), np.empty(m, np.int32))
        self.heads, self.tails = mk(), mk()
        self.number = np.empty(m, np.int32)

    @property
    def visits(self):
        return self.visits_[: self.n]

    def pad(self, mu):
        return np.append(mu, [0, 0])

    def shortest(self, mu):
        v = self.K.walk_forward(self.g, self.pad(mu), self.heads)
        if v < self.K.NEVER:
            self.length = self.K.trace(self.g, self.heads, self.visits_, self.order_)
        return v

    def order(self):
        return self.order_[::-1].tolist()

    def prune(self, mu, limit):
        K, g = self.K, self.g
        mu = self.pad(mu)
        K.walk_backward(g, mu, self.tails)
        states, arcs = K.prune(g, mu, self.heads, self.tails, limit, self.number)
        self.g = K.Graph(g.first[: states + 1], g.tail[:arcs], g.job[:states], g.guard[:states], g.time[:states], g.cost[:states])
        return arcs

    def size(self):
        return self.g.tail.size

    def split(self, job):
        K, g = self.K, self.g
        m, a = g.job.size, g.tail.size
        new = empty_graph(K, 2 * m, 2 * a)
        number = np.empty((m, 2), np.int32)
        states, arcs = K.split(g, job, new, number)
        self.setup(K.Graph(new.first[: states + 1], new.tail[:arcs], new.job[:states], new.guard[:states], new.time[:states], new.cost[:states]))


def empty_graph(K, states, arcs):
    e = lambda: np.empty(states, np.int64)
    return K.Graph(np.empty(states + 1, np.int64), np.empty(arcs, np.int32), e(), e(), e(), e())


class Search:
    def __init__(self, p, w, d, deadline, rounds=200):
        from gapsmith.evaluators.exact import weighted_descent as D
        self.jobs = D.Jobs(p, w, d)
        self.n = p.size
        self.deadline = deadline
        order = np.argsort(d, kind="stable").astype(np.int64)
        best = order.copy()
        t = time.process_time()
        self.upper = int(D.iterate(self.jobs, best, order, np.zeros(self.n, np.int64), rounds, 1))
        self.sequence = best.tolist()
        self.lower = 0
        self.log(f"ils {self.upper} {time.process_time()-t:.3f}")

    def log(self, *a):
        if TRACE:
            print(*a, flush=True)

    def ascend(self, net, mu, rounds, every=20, lam=1.0, patience=15, floor=0.02, tol=0.0):
        """mu float; returns best mu; raises Proven."""
        best, best_mu = -np.inf, mu.copy()
        direction = np.zeros_like(mu)
        fails = 0
        t0 = time.process_time()
        s0 = net.size()
        mark = -np.inf
        for k in range(rounds):
            if time.process_time() > self.deadline:
                raise TimeoutError
            m = np.rint(mu).astype(np.int64)
            value = net.shortest(m)
            bound = int(value + m.sum())
            target = SCALE * self.upper
            if value >= 1 << 59 or bound > SCALE * (self.upper - 1):
                self.lower = self.upper
                self.log(f"  proven at {k} {time.process_time()-t0:.3f}s")
                raise Proven
            self.lower = max(self.lower, -(-bound // SCALE))
            if (net.visits == 1).all():
                self.sequence = net.order()
                self.upper = self.lower = bound // SCALE
                self.log("  new optimum", self.upper)
                raise Proven
            if bound > best:
                if bound > best + 0.0005 * (target - best):
                    fails = 0
                best, best_mu = bound, mu.copy()
                if (target - bound) < 0.97 * (target - mark):
                    mark = bound
                    net.prune(m, SCALE * (self.upper - 1) - int(m.sum()))
            else:
                fails += 1
            if fails >= patience:
                lam /= 2
                fails = 0
                mu = best_mu.copy()
                direction = np.zeros_like(mu)
                if lam < floor:
                    break
                continue
            g = 1.0 - net.visits
            self.average = 0.9 * self.average + 0.1 * np.abs(g)
            direction = g + 0.7 * direction
            mu = mu + lam * (target - bound) / max(1e-9, float(direction @ direction)) * direction
        self.log(f"  {type(net).__name__} {k} iterations {time.process_time()-t0:.3f}s bound {best/SCALE:.2f} of {self.upper}, size {s0} -> {net.size()} lam {lam:.3f}")
        return best_mu

    def solve(self):
        try:
            self.run()
        except Proven:
            pass
        except TimeoutError:
            pass
        return self

    def initial(self):
        b = np.array(self.sequence)
        J = self.jobs
        C = np.cumsum(J.processing[b])
        mu = np.zeros(self.n)
        f = lambda c, x: J.weight[x] * np.maximum(0, c - J.due[x])
        for i, j in enumerate(b):
            mu[j] = SCALE * (f(C[i], j) + (f(C[i + 1:], b[i + 1:]) - f(C[i + 1:] - J.processing[j], b[i + 1:])).sum())
        return mu

    def run(self):
        from gapsmith.evaluators.exact import state_graph as G
        if self.upper == 0:
            self.lower = 0
            return
        self.average = np.zeros(self.n)
        mu = self.initial()
        net = Table(self.jobs, SCALE)
        mu = self.ascend(net, mu, 600, lam=1.0)
        number = np.empty(net.table.shape, np.int32)
        states = G.number_states(net.table, number)
        dummy = empty_graph(G, 1, 1)
        arcs = G.from_table(self.jobs, net.table, number, dummy, False)
        graph = empty_graph(G, states, arcs)
        G.from_table(self.jobs, net.table, number, graph, True)
        net = StateGraph(graph, self.n)
        mu = self.ascend(net, mu, 300, lam=0.5)
        arcs = G.from_pairs(self.jobs, net.g, dummy, False)
        graph = empty_graph(G, net.g.first[net.g.job.size - 1] + 2, arcs)
        G.from_pairs(self.jobs, net.g, graph, True)
        net = StateGraph(graph, self.n)
        mu = self.ascend(net, mu, 200, lam=0.5)
        chosen = set()
        while len(chosen) < self.n:
            score = self.average.copy()
            score[list(chosen)] = -1
            q = int(np.argmax(score))
            chosen.add(q)
            net.split(q)
            self.log("split", q, len(chosen), net.g.job.size, net.size())
            mu = self.ascend(net, mu, 30, lam=0.3)


def solve_arrays(p, w, d, seconds=60, rounds=200):
    p, w, d = (np.asarray(x, np.int64) for x in (p, w, d))
    index = np.lexsort((-w, d, p))
    s = Search(p[index], w[index], d[index], time.process_time() + seconds, rounds).solve()
    seq = [int(index[j]) for j in s.sequence]
    total = total_weighted_tardiness(p, w, d, seq)
    assert total == s.upper, (total, s.upper)
    return Solved(seq, total, s.lower)
