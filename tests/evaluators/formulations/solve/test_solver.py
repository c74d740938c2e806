"""The solver in its child: whatever it is given, it answers."""

from gapsmith.evaluators.formulations.exchange.bridge import ModelRefused
from gapsmith.evaluators.formulations.solve.solver import answer


def test_an_invalid_model_is_refused_with_the_solver_s_words():
    """A reference to no variable is told as such."""
    text = "variables { domain: 0 domain: 1 } constraints { bool_or { literals: 7 } }"
    reply = answer({"do": "solve", "base": None, "text": text, "permutations": [None], "limit": 1.0})
    assert "invalid" in reply["refused"]


def test_words_of_refusal_are_replies():
    """A refusal is data, never an exception that would end the child."""
    assert "refused" in answer(
        {"do": "solve", "base": None, "text": "{", "permutations": [None], "limit": 1.0}
    )
    assert issubclass(ModelRefused, Exception)
