"""The search as a fold.

Everything it knows follows from the verdicts on the slots, in order.

That is why a run can be resumed from its archive alone, and why the same seed gives the same archive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from gapsmith.agent.search.acceptance.gate import Gate, Verdict
from gapsmith.agent.search.acceptance.racing import RaceReference
from gapsmith.agent.search.choice import Choice, Failure, Lesson, Lessons
from gapsmith.agent.search.instances import InstanceSet, Splits
from gapsmith.agent.search.operators import ACCELERATE, REPAIR, REPAIRS_AT_MOST, TUNE
from gapsmith.agent.search.plateaus import REDRAWS, FreshStart, Fruitless, Plateau, derive_patience
from gapsmith.agent.search.selection.bandit import FLOOR, Bandit
from gapsmith.agent.search.selection.population import CAPACITY, Elite, Population
from gapsmith.agent.search.speed import SpeedGoal
from gapsmith.agent.search.strategies import CONTROL, Strategy, View, make_fresh, make_portfolio
from gapsmith.agent.search.strategies.arms import Arm, Arms, is_fresh
from gapsmith.agent.search.switches import Switches
from gapsmith.agent.search.tuning.parameters import find_parameters
from gapsmith.evaluators.base import GapsmithError, Number

MENDING, HOPELESS = 0.7, 0.3
"""The share of choices that are repairs if all of them succeed, and the share that must succeed.

Models whose repairs rarely work get few repair requests.
"""

MOST_FRESH = 10_000
"""Fresh trajectories of a run; a forged archive or recording may name any number."""
WAITING = 10
"""Failures, and programs to tune, that are kept in mind."""


class SearchState:
    """The state of the search.

    Args:
        splits: the instances.
        strategies: trajectories to begin with; as the budget allows if not given.
        budget: evaluations or calls that the run may use, about.
        switches: what is on.
        whole_budget: whether the search goes on when training is solved.
        patience: slots without a better program after which a fresh trajectory starts; by the budget if None.
        seeks_speed: whether CPU time becomes the goal once training is solved.
    """

    def __init__(
        self,
        splits: Splits,
        strategies: Sequence[Strategy] = (),
        budget: float = 1000.0,
        switches: Switches | None = None,
        whole_budget: bool = True,
        patience: int | None = None,
        seeks_speed: bool = False,
    ) -> None:
        self._whole_budget = whole_budget
        self.switches = switches or Switches()
        wanted = tuple(strategies) or make_portfolio(budget, self.switches.frontier)
        self.arms = Arms(wanted if self.switches.arms else wanted[:1])
        self._fresh = tuple(s for s in strategies if s.name != CONTROL) or make_fresh(self.switches.frontier)
        self._plateau, self._fruitless = Plateau(patience or derive_patience(budget)), Fruitless()
        self.speed = SpeedGoal(seeks_speed and not whole_budget, self._plateau.patience)
        self.all_elites = Population()
        self.operators, self.models = Bandit(), Bandit()
        self.gate = Gate(splits.validation, self.switches.gate, splits.crossed)
        self.train: InstanceSet = splits.train
        self.best_rule: Elite | None = None
        self.failures: list[Failure] = []
        self.untuned: list[tuple[Elite, str]] = []
        self._bars: dict[str, tuple[Elite, list[Elite], RaceReference]] = {}
        self._tuned = set[int]()
        self._results_of_tuning = set[int]()
        self.record = float("inf")
        self._lessons = Lessons()
        self.refutation = ""
        self._repairs_ok, self._repairs = 1.0, 1.0

    # Choosing

    def choose(self, rng: Random, may_tune: bool = False) -> Choice:
        """Chooses the next question: a tuning, a repair, or an arm's choice."""
        if may_tune and self.untuned:
            elite, name = self.untuned.pop(0)
            return Choice(TUNE, (elite,), arm=name)
        needs_best = self.switches.plateaus and self._plateau.misses_best
        if self.failures and not needs_best and rng.random() < self._repair_share:
            failure = self.failures.pop(0)
            return self._note_question(Choice(REPAIR, failure=failure, arm=failure.arm))
        arm = self.arms.choose(rng, with_control=not (needs_best or self.speed.begun))
        if self.speed.begun and self.best:
            return self._note_question(Choice(ACCELERATE, (self.best,), arm=arm.name))
        choice = self._choose_in(arm, rng)
        return self._note_question(self._show_best(choice) if needs_best else choice)

    def _choose_in(self, arm: Arm, rng: Random) -> Choice:
        """Chooses an arm's question, another one for those asked in vain."""
        for _ in range(REDRAWS):
            choice = replace(arm.strategy.choose(self._view(arm.population), rng), arm=arm.name)
            if not (self.switches.plateaus and self._fruitless.is_in_vain(choice)):
                break
        return choice

    def _show_best(self, choice: Choice) -> Choice:
        """Puts the best program among the parents, for the last of them."""
        best = self.all_elites.best
        if best is None or not choice.parents or best.program in choice.programs:
            return choice
        return replace(choice, parents=(best, *choice.parents[:-1]))

    def recall(self, choice: Choice) -> Choice:
        """Takes in a question of an earlier session."""
        if not choice.operator.asks_model:
            return choice
        self._find_arm(choice.arm).asked += 1
        return self._note_question(choice)

    def _note_question(self, choice: Choice) -> Choice:
        self._plateau.note_question(choice, self.best.program if self.best else None)
        return self.add_facts(choice)

    def add_facts(self, choice: Choice) -> Choice:
        """Adds what a prompt tells of the search so far.

        Nothing for the control, which learns from nothing: else it would be none.
        """
        stratum = self._find_stratum(choice)
        if choice.arm == CONTROL or not choice.operator.asks_model:
            return replace(choice, stratum=stratum)
        arm = self.arms.all.get(choice.arm)
        best = arm.population.best if arm else None
        return replace(
            choice,
            stratum=stratum,
            lessons=self._lessons.known,
            refutation=self.refutation,
            best_gap=best.gap if best else None,
        )

    @property
    def _repair_share(self) -> float:
        """The share of choices that are repairs now."""
        share = self._repairs_ok / self._repairs
        return MENDING * share if share >= HOPELESS else FLOOR

    def find_tuned(self, program: int) -> Elite | None:
        """Takes an elite that an earlier session began to tune.

        It is not tuned again.
        """
        self._tuned.add(program)
        self.untuned = [each for each in self.untuned if each[0].program != program]
        return self.find(program)

    def take_failure(self, program: int) -> Failure | None:
        """Takes a failure that an earlier session asked to repair.

        It is not asked for again.
        """
        found = next((failure for failure in self.failures if failure.program == program), None)
        self.failures = [failure for failure in self.failures if failure is not found]
        return found

    def _view(self, own: Population) -> View:
        return View(own, self.all_elites, self.best_rule, self.operators, self._plateau.lasts)

    def _find_stratum(self, choice: Choice) -> str:
        if not choice.operator.needs_stratum or not choice.parents:
            return ""
        return self.train.find_worst_stratum(choice.parents[0].losses)

    def find_race_reference(self, arm: str) -> RaceReference | None:
        """Returns the race reference of an arm; None without a race.

        It is the best elite that is no result of tuning: a new program with default constants is compared with its
        like, else structures are dropped for constants that were fitted to these very instances.
        """
        found = self.arms.all.get(arm)
        best = self._find_untuned(found.population) if found and self.switches.racing else None
        elites = self.all_elites.elites  # another list whenever one of them is
        known = self._bars.get(arm)
        if best and (known is None or known[0] is not best or known[1] is not elites):
            known = self._bars[arm] = best, elites, RaceReference.build(best, elites, self.train.classes)
        return known[2] if best and known else None

    def _find_untuned(self, population: Population) -> Elite | None:
        """Returns the best elite that is no result of tuning.

        From all trajectories where the own one has none; the best at all where there is none.
        """
        known = (*population.elites, *self.all_elites.elites)
        untuned = (elite for elite in known if elite.program not in self._results_of_tuning)
        return next(untuned, population.best)

    # Taking in

    def add_seed(self, elite: Elite) -> None:
        """Adds a reference rule, or a program of an older archive."""
        self.all_elites.add(elite)
        self.arms.seed(elite)
        if elite.name and (self.best_rule is None or elite.gap < self.best_rule.gap):
            self.best_rule = elite
            # What its constants alone can gain is what any search has to beat.
            self.untuned = [each for each in self.untuned if not each[0].name]
            searching = [name for name in self.arms.all if name != CONTROL]
            self._note_untuned(elite, (*searching, CONTROL)[0])

    def add_candidate(self, choice: Choice, elite: Elite) -> float:
        """Adds a candidate that solved training; returns its reward, 0 to 1."""
        if choice.operator.is_start:
            self.add_seed(elite)
            return 0.0
        arm = self._find_arm(choice.arm)
        leads = elite.gap < arm.gap
        faster = self.speed.begun and self.is_leading(elite)
        parent = min((each.gap for each in choice.parents), default=float("inf"))
        kept = arm.population.add(elite)
        self.all_elites.add(elite)
        self._plateau.note_slot(elite.gap < self.record)
        self.speed.note_slot(faster)
        if choice.operator is TUNE:
            self._results_of_tuning.add(elite.program)
        if leads:
            self._note_untuned(elite, choice.arm)
        rank = self.all_elites.rank(elite.program)
        if faster:
            return 1.0
        if not kept or elite.gap >= parent or rank is None:
            return 0.0
        return (1.0 if leads else 0.5) * (1.0 - rank / CAPACITY)

    def _note_untuned(self, elite: Elite, arm: str) -> None:
        if (
            self.switches.tuning
            and not self.speed.begun
            and elite.program not in self._tuned
            and find_parameters(elite.source)
        ):
            waiting = sorted([*self.untuned, (elite, arm)], key=lambda each: each[0].gap)
            self.untuned = waiting[:WAITING]

    def replace_elite(self, program: int, shorter: Elite) -> None:
        """Replaces a program by a shorter one with the same behaviour."""
        for population in self._populations:
            if population.rank(program) is not None:
                population.add(shorter)

    def find(self, program: int) -> Elite | None:
        """Finds an elite by its number, wherever it is kept."""
        return next((e for each in self._populations for e in each.elites if e.program == program), None)

    @property
    def _populations(self) -> list[Population]:
        return [self.all_elites, *(arm.population for arm in self.arms.all.values())]

    def update_bandits(self, choice: Choice, model: str, reward: float, cost: float, ran: bool) -> None:
        """Updates the bandits of arm, operator and model with a slot's result.

        Repairs count by whether the program ran.
        """
        if not choice.operator.asks_model:
            return
        if choice.operator is REPAIR:
            self._repairs_ok, self._repairs = self._repairs_ok + ran, self._repairs + 1
        self.operators.learn(choice.operator.name, reward, cost, reward > 0)
        if choice.operator is not REPAIR:
            if choice.arm != CONTROL:
                self._fruitless.note(choice, reward > 0)
            self.arms.bandit.learn(choice.arm, reward, cost, reward > 0)
        self._plateau.note_answer(model)
        if model:
            self.models.learn(model, reward, cost, reward > 0)

    def record_failure(self, failure: Failure | None = None) -> None:
        """Records a slot without an elite; a failure waits for repair.

        It does not wait if it was repaired too often, or if no trajectory asked for it: rules and seeds stay.
        """
        self._plateau.note_slot(improved=False)
        self.speed.note_slot(faster=False)
        if failure is not None and failure.arm and failure.tries < REPAIRS_AT_MOST:
            self.failures = [*self.failures, failure][-WAITING:]

    # Speed

    def begin_speed(self) -> bool:
        """Makes CPU time the goal where training is solved; tells if so."""
        if self.speed.begun or not self.speed.wanted or not self._is_optimal:
            return False
        self.speed.begun, self.untuned = True, []
        for population in self._populations:
            population.by_time = True
        return True

    def is_leading(self, elite: Elite) -> bool:
        """Tells whether it is the best in training, or the fastest."""
        ties = self.speed.begun and elite.gap <= self.record
        return elite.gap < self.record or (ties and self.best is not None and elite.is_faster(self.best))

    # Plateaus

    def start_fresh(self) -> FreshStart | None:
        """Starts a trajectory from the best program where one is due."""
        on = self.switches.arms and self.switches.plateaus and not self.speed.begun
        return self._begin_fresh() if on and self._plateau.is_due and self.best else None

    def _begin_fresh(self) -> FreshStart:
        """Starts a trajectory with the next strategy, for the worst one.

        Depth before width: there are never more trajectories than at the beginning.
        """
        strategy, slots = self._fresh[self.arms.fresh % len(self._fresh)], self._plateau.slots
        asked = self._plateau.renew()
        avoided = asked if len(self.models.tallies) > 1 else ""  # with a single model there is no other
        arm, replaced = self.arms.start_fresh(strategy, self.best, avoided)
        return FreshStart(slots, arm.name, strategy.name, replaced, avoided)

    def _find_arm(self, name: str) -> Arm:
        """Finds an arm; starts it where an earlier session had done so.

        Where answers come in another order than then, a plateau may not have been met yet.

        Raises:
            GapsmithError: the run has no such trajectory.
        """
        while name not in self.arms.all and is_fresh(name) and self.arms.fresh < MOST_FRESH:
            self._begin_fresh()
        if (arm := self.arms.all.get(name)) is None:
            known = ", ".join(self.arms.all)
            raise GapsmithError(f"a question of the trajectory {name!r}; expected one of this run's: {known}")
        return arm

    def validate(self, elite: Elite, costs: tuple[Number, ...]) -> Verdict:
        """Asks the gate; only for the best in training so far."""
        better, self.record = elite.gap < self.record, min(self.record, elite.gap)
        if elite.name:
            return self.gate.compare_rule(elite, costs)
        if self.speed.begun and not better:
            return self.gate.query_faster(elite, costs)
        return self.gate.query(elite, costs)

    def add_lesson(self, lesson: Lesson) -> None:
        """Keeps a lesson for the next prompts."""
        self._lessons.add(lesson)

    # Reading

    @property
    def champion(self) -> Elite | None:
        """The program that passed the gate last."""
        return self.gate.champion

    @property
    def best(self) -> Elite | None:
        """The elite with the smallest gap in training."""
        return self.all_elites.best

    @property
    def is_solved(self) -> bool:
        """Whether the search ends, since the best program is proven optimal in training.

        No other program could be the best in training, and so none could come to the gate; where CPU time is the
        goal, none was faster for long.
        """
        return not self._whole_budget and self._is_optimal and self.speed.is_over

    @property
    def _is_optimal(self) -> bool:
        """Whether the best program is proven optimal on all training instances."""
        if self.best is None:
            return False
        losses = self.best.losses
        return bool(losses) and not any(losses) and bool(self.train.scale.proven.all())

    @property
    def tallies(self) -> Mapping[str, Bandit]:
        """The gains of operators, arms and models."""
        return {"operator": self.operators, "arm": self.arms.bandit, "model": self.models}

    def list_tallies(self) -> list[dict[str, Any]]:
        """Lists the gains as rows for the archive."""
        return [
            {
                "kind": kind,
                "name": name,
                "tries": tally.tries,
                "gains": tally.gains,
                "reward": tally.reward,
                "cost": tally.cost,
            }
            for kind, bandit in self.tallies.items()
            for name, tally in bandit.tallies.items()
        ]
