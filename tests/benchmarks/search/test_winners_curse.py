"""Claims and tests are drawn alike."""

from winners_curse import OwnTest

from gapsmith.evaluators.base import Split


def digests(problem, split, seed):
    """The instances of a split, by digest."""
    return [instance.digest for instance in problem.generate_instances(split, seed)]


def test_every_seed_has_a_test_of_its_own(tiny):
    """The test differs from seed to seed, has the validation's sizes, and the training stays what it was."""
    first, second = OwnTest.build(tiny, 0, 12), OwnTest.build(tiny, 1, 12)
    assert not set(digests(first, Split.TEST, 0)) & set(digests(second, Split.TEST, 0))
    assert len(first.generate_instances(Split.TEST)) == 12
    assert first.sizes[Split.TEST] == tiny.sizes[Split.VALIDATION]
    assert digests(first, Split.TRAIN, 7) == digests(tiny, Split.TRAIN, 7)
    assert digests(first, Split.VALIDATION, 7) == digests(tiny, Split.VALIDATION, 7)
