"""Text that would do harm if a page did not escape it."""

from gapsmith.agent.archive import Call, Candidate

HOSTILE = "</code></pre><script>alert('x')</script><img src=x onerror=alert(1)>\u202eevil\x1b[31m"
"""Text that would run, load, turn or colour something if it were not escaped."""
NAME = "single_machine_tardiness"


def write_hostile(store):
    """Writes a run whose model, operator, code, messages, prompt and reply are hostile."""
    config = {"problem": NAME, "scale": "small", "budget": {"calls": 4, "usd": 1.0}}
    number = store.start(NAME, HOSTILE, 0, config, "1")
    source = f'def schedule(p, d):\n    """{HOSTILE}"""\n    return [0]\n'
    program, _ = store.add_program(NAME, "f" * 32, source, 7)
    parents = [store.rank_candidates(limit=1)[0].program]
    call = Call(
        run=number, slot=0, model=HOSTILE, operator=HOSTILE, template="", system=HOSTILE, prompt=HOSTILE, reply=HOSTILE,
        tokens_in=10, tokens_out=5, usd=0.5,
    )  # fmt: skip
    store.answer(Candidate(run=number, slot=0, operator=HOSTILE, name=HOSTILE, parents=parents), call)
    found = {
        "program": program,
        "outcome": HOSTILE,
        "message": HOSTILE,
        "arm": HOSTILE,
        "train_gap": 1.5,
        "charged": 1,
    }
    store.settle(number, 0, found, events=[(HOSTILE, {"why": HOSTILE})])
    store.record(number, -1, f"end {HOSTILE}", {"why": HOSTILE})
    return number
