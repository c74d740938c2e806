"""What the measurements of models share: the ways to talk, and the comparison of an archive with a server's ledger."""

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faulty_server import TINY, FaultyServer

from gapsmith.agent import Archive
from gapsmith.agent.archive import CallRow
from gapsmith.agent.models.hosted.prices import Usage, load_prices

WAYS = ("responses", "chat", "messages")
NAMES = {"responses": "openai:gpt-5", "chat": "openai:gpt-5-mini", "messages": "anthropic:claude-sonnet-5"}
KEYS = {"OPENAI_API_KEY": "sk-none", "ANTHROPIC_API_KEY": "sk-none"}


def word(server: FaultyServer, way: str) -> str:
    """The word that names a model at the server."""
    if way == "messages":
        return f"{NAMES[way]},url={server.anthropic_url}"
    return f"{NAMES[way]},url={server.openai_url},api={way}"


def command(verb: str, *words: str, archive: Path) -> list[str]:
    """A command line of gapsmith, of this very Python."""
    main = "from gapsmith.agent.cli.app import main; main()"
    return [sys.executable, "-c", main, verb, *words, "--archive", str(archive), "--json"]


def run_command(server: FaultyServer, way: str, calls: int, archive: Path) -> list[str]:
    """Starts a run on the tiny problem with sixteen questions open at once."""
    limits = ("--calls", str(calls), "--parallel", "16", "--seed", "1")
    return command("run", str(TINY), "--model", word(server, way), *limits, archive=archive)


def environment() -> dict[str, str]:
    """Of the child: keys that are none."""
    return {**os.environ, **KEYS}


@dataclass(frozen=True)
class Comparison:
    """An archive against the ledger of the server.

    Attributes:
        recorded: calls in the archive.
        answered: those of them that have an answer.
        delivered: replies that the server delivered in full.
        lost: delivered replies that the archive has not.
        twice: replies that the archive has more than once.
        strange: replies in the archive that the server never delivered.
        tokens_differ: replies whose tokens or dollars differ from the server's.
        usd: dollars by the archive.
        billed_usd: dollars by the server's ledger, for the replies that the archive has.
        outcomes: of the slots that asked a model, by name.
    """

    recorded: int
    answered: int
    delivered: int
    lost: tuple[str, ...]
    twice: int
    strange: int
    tokens_differ: int
    usd: float
    billed_usd: float
    outcomes: Mapping[str, int]

    @property
    def exact(self) -> bool:
        """Whether every answer that was kept is the server's, once, at its price."""
        return not self.twice and not self.strange and not self.tokens_differ and self.usd == self.billed_usd


def compare(server: FaultyServer, way: str, archive: Path) -> Comparison:
    """Holds the calls of the archive's only run against what the server delivered."""
    store = Archive(str(archive))
    calls, candidates = list(store.read_calls(1).values()), store.read_candidates(1)
    store.close()
    answered = [call for call in calls if call.reply_id]
    bills = {bill.id: bill for bill in server.delivered}
    kept = Counter(call.reply_id for call in answered)
    price = load_prices({}).find_price(NAMES[way])
    assert price is not None
    billed = {
        bill.id: price.compute_usd(
            Usage(tokens_in=bill.tokens_in, cached=bill.tokens_cached, tokens_out=bill.tokens_out)
        )
        for bill in bills.values()
    }
    known = [call for call in answered if call.reply_id in bills]
    same = [
        call
        for call in known
        if _tokens(call) == _of(bills[call.reply_id]) and call.usd == billed[call.reply_id]
    ]
    return Comparison(
        len(calls),
        len(answered),
        len(bills),
        tuple(sorted(set(bills) - set(kept))),
        sum(count - 1 for count in kept.values()),
        len(answered) - len(known),
        len(known) - len(same),
        sum(call.usd or 0.0 for call in known),
        sum(billed[call.reply_id] for call in known),
        dict(Counter(candidates[call.slot].outcome for call in calls).most_common()),
    )


def _tokens(call: CallRow) -> tuple[int, int, int]:
    return call.tokens_in, call.tokens_cached, call.tokens_out


def _of(bill: Any) -> tuple[int, int, int]:
    return bill.tokens_in, bill.tokens_cached, bill.tokens_out


def show(name: str, record: Mapping[str, Any]) -> None:
    """Prints a finding as one line of JSON, and a few words on stderr."""
    print(json.dumps({"measurement": name, **record}), flush=True)


def rows(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON has it."""
    found = dict(vars(comparison))
    lost: Sequence[str] = found.pop("lost")
    return {
        **found,
        "usd": round(comparison.usd, 9),
        "billed_usd": round(comparison.billed_usd, 9),
        "lost": len(lost),
    }
