"""Who of several models is asked."""

from collections import Counter
from random import Random

import pytest

from gapsmith.agent.models.router import Pool
from gapsmith.agent.models.spec import Share
from gapsmith.agent.search.selection.bandit import Bandit
from gapsmith.evaluators.base import UsageError

OPERATORS = ("refine", "merge", "explore")


def asked(pool, operator, times=300):
    """How often each is asked for an operator."""
    learnt = Bandit()
    return Counter(pool.choose(Random(k), operator, learnt) for k in range(times))


def of(*words):
    """The pool of these words."""
    return Pool.build([word.split(",w")[0].split(",o")[0] for word in words], words, OPERATORS)


def test_weights_are_shares():
    """With weights, each is asked by its share, whatever was learnt."""
    counts = asked(of("openai:a,weight=3", "openai:b,weight=1"), "refine")
    assert 190 <= counts["openai:a"] <= 260
    assert counts.total() == 300


def test_without_weights_the_bandit_decides():
    """Without weights, the search is asked, and with it what it learnt."""
    learnt = Bandit()
    for _ in range(40):
        learnt.learn("openai:a", 1.0, 1.0, True)
        learnt.learn("openai:b", 0.0, 1.0, False)
    pool = of("openai:a", "openai:b")
    counts = Counter(pool.choose(Random(k), "refine", learnt) for k in range(200))
    assert counts["openai:a"] > 180


def test_a_strong_model_refines_and_a_cheap_one_fills():
    """Who names operators is asked for these alone, and nobody else is; the other is asked for the rest."""
    pool = of("openai:cheap", "openai:strong,operators=refine+merge")
    assert [set(asked(pool, operator, 50)) for operator in OPERATORS] == [
        {"openai:strong"},
        {"openai:strong"},
        {"openai:cheap"},
    ]


def test_another_model_is_asked_where_there_is_one():
    """After a plateau another than before; weights, and a pool of one, are kept to."""
    for words, names in (
        (("openai:a", "openai:b"), {"openai:b"}),
        (("openai:a",), {"openai:a"}),
        (("openai:a,weight=1", "openai:b,weight=1"), {"openai:a", "openai:b"}),
    ):
        pool = of(*words)
        assert {pool.choose(Random(k), "refine", Bandit(), "openai:a") for k in range(40)} == names


def test_one_model_is_asked_for_all():
    """A pool of one has no choice to make."""
    assert set(asked(of("offline"), "explore", 9)) == {"offline"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ("openai:a,weight=1", "openai:b"),
            "'openai:a' has a weight and 'openai:b' has none; expected weight= for all",
        ),
        (("openai:a,operators=refin", "openai:b"), "unknown operator 'refin'; did you mean 'refine'?"),
        (
            ("openai:a,operators=refine",),
            "no model is asked for merge, explore; expected one without operators=",
        ),
        (("openai:a", "openai:a,weight=1"), "'openai:a' is named twice"),
    ],
)
def test_a_pool_that_cannot_work_is_refused(words, expected):
    """What is missing or too much is said in one line, before anything is asked."""
    with pytest.raises(UsageError) as caught:
        of(*words)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_objects_have_no_words():
    """Models that are handed over as objects are a pool without weights, whatever words there are."""
    pool = Pool.build(["mine", "other"], ["offline"], OPERATORS)
    assert set(asked(pool, "refine")) == {"mine", "other"}


def test_a_new_operator_is_asked_of_somebody():
    """An operator that the pool never heard of is asked of any model."""
    pool = Pool({"a": Share(operators=OPERATORS), "b": Share(operators=OPERATORS)}, OPERATORS)
    assert set(asked(pool, "strange")) == {"a", "b"}
