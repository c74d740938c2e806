"""Questions, votes, scores and pairs as JSON and as tables."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gapsmith.agent.archive.costs import format_dollars
from gapsmith.agent.codegen.sanitize import flatten_untrusted, limit_untrusted
from gapsmith.agent.modelling.benchmark import RIGHT, Score, ScoredQuestion, Share, classify_sample
from gapsmith.agent.modelling.job import JobContext
from gapsmith.agent.modelling.sample import Sample

SHOWN = 20


def encode_costs(context: JobContext) -> dict[str, Any]:
    """Encodes what a run has cost so far."""
    ledger = context.ledger
    return {"run": context.run, "calls": ledger.calls, "usd": ledger.dollars, "seconds": ledger.seconds}


def format_costs(context: JobContext) -> str:
    """Formats what a run has cost so far in a line."""
    ledger = context.ledger
    return (
        f"run {context.run}: {ledger.calls} calls, {format_dollars(ledger.dollars)}, {ledger.seconds:.0f} s"
    )


# gapsmith model


def encode_answer(marked: ScoredQuestion, context: JobContext) -> dict[str, Any]:
    """Encodes the result of `model`."""
    chosen = marked.vote.sample
    verdict = chosen.verdict if chosen else None
    answer = verdict.answer if verdict else None
    return {
        "question": marked.question.id,
        "status": answer.status if answer else None,
        "objective": answer.objective if answer else None,
        "values": dict(answer.values) if answer else {},
        "votes": marked.vote.votes,
        "voters": marked.vote.of,
        "samples": [_encode_sample(sample) for sample in marked.samples],
        "program": chosen.attempts[-1].program if chosen else None,
        "code": chosen.attempts[-1].source if chosen else None,
        **encode_costs(context),
    }


def _encode_sample(sample: Sample) -> dict[str, Any]:
    answer, verdict = sample.answer, sample.verdict
    return {
        "kind": str(verdict.kind) if verdict else None,
        "objective": answer.objective if answer else None,
        "message": verdict.message if verdict else "",
        "attempts": len(sample.attempts),
        "program": sample.attempts[-1].program if sample.attempts else None,
    }


def build_answer_table(marked: ScoredQuestion) -> RenderableType:
    """Builds a table of the elected answer and the votes."""
    vote = marked.vote
    answer = vote.sample.verdict.answer if vote.sample and vote.sample.verdict else None
    table = Table()
    table.add_column("quantity", overflow="fold")
    table.add_column("value", justify="right")
    if answer is not None:
        table.add_row("status", answer.status)
        table.add_row("objective", _format_number(answer.objective))
        for name, value in list(answer.values.items())[:SHOWN]:
            table.add_row(Text(flatten_untrusted(name)), _format_number(value))
    agreed = f"{flatten_untrusted(marked.question.id)}: {vote.votes} of {len(marked.samples)} samples agree"
    return Group(Text(agreed), table)


def explain_failures(marked: ScoredQuestion) -> str:
    """Explains in one line why there is no answer."""
    if not marked.samples:
        return "the budget has no room for a question; raise --calls or --usd"
    verdicts = [sample.verdict for sample in marked.samples if sample.verdict]
    words = "; ".join(f"{verdict.kind}: {limit_untrusted(verdict.message, 200)}" for verdict in verdicts[:3])
    return f"no program of {len(marked.samples)} samples gave an answer: {words}"


# gapsmith bench modelling


def encode_benchmark(
    marked: Sequence[ScoredQuestion], scores: Sequence[Score], context: JobContext
) -> dict[str, Any]:
    """Encodes the result of `bench modelling`."""
    return {
        "model": context.order.model,
        "samples": context.order.samples,
        "file": context.order.about.get("file"),
        "sets": [_encode_score(score) for score in scores],
        "questions": [_encode_question(each) for each in marked],
        **encode_costs(context),
    }


def _encode_score(score: Score) -> dict[str, Any]:
    return {
        "set": score.name,
        "questions": score.questions,
        "asked": score.asked,
        **{name: _encode_share(getattr(score, name)) for name in ("vote", "first", "any", "exact")},
        "kinds": dict(score.kinds),
        "sample_kinds": dict(score.sample_kinds),
        "calls": score.calls,
        "tokens": score.tokens,
        "usd": score.usd,
        "usd_per_right": score.compute_cost_of_pass(score.usd),
        "tokens_per_right": score.compute_cost_of_pass(score.tokens),
        "calls_per_right": score.compute_cost_of_pass(score.calls),
    }


def _encode_share(share: Share) -> dict[str, float | None]:
    known = not math.isnan(share.value)
    return {name: value if known else None for name, value in vars(share).items()}


def _encode_question(marked: ScoredQuestion) -> dict[str, Any]:
    question, chosen = marked.question, marked.vote.sample
    return {
        "id": question.id,
        "set": question.set,
        "target": question.target,
        "expected": question.answers.get(question.target),
        "answer": chosen.value if chosen else None,
        "kind": marked.kind,
        "exact": marked.exact,
        "votes": marked.vote.votes,
        "voters": marked.vote.of,
        "samples": [
            {**_encode_sample(one), "kind": classify_sample(one), "value": one.value}
            for one in marked.samples
        ],
    }


def build_benchmark_table(scores: Sequence[Score], samples: int) -> Table:
    """Builds a table of scores, a line for each set.

    With several samples it also shows the accuracy of one sample.
    """
    table = Table(title="right answers, % of the questions asked (95 % interval)")
    first = ["first sample"] if samples > 1 else []
    for heading in ("set", "asked", "right", *first, "all quantities", "cost", "failures"):
        table.add_column(heading, overflow="fold")
    for score in scores:
        table.add_row(
            Text(flatten_untrusted(score.name) or "–"),
            f"{score.asked} of {score.questions}",
            _format_share(score.vote),
            *(_format_share(score.first) for _ in first),
            _format_share(score.exact, interval=False),
            _format_cost(score),
            ", ".join(f"{kind} {count}" for kind, count in score.kinds.items() if kind != RIGHT),
        )
    return table


def _format_share(share: Share, interval: bool = True) -> str:
    if math.isnan(share.value):
        return "–"
    limits = f" ({100 * share.low:.0f} to {100 * share.high:.0f})" if interval else ""
    return f"{100 * share.value:.1f}{limits}"


def _format_cost(score: Score) -> str:
    """Formats the cost of a right answer."""
    dollars, calls = score.compute_cost_of_pass(score.usd), score.compute_cost_of_pass(score.calls)
    if calls is None:
        return "–"
    return f"{calls:.2f} calls" + (f", ${dollars:.4f}" if dollars else "")


# gapsmith synthesise


def build_synthesis_table(summary: Mapping[str, Any]) -> RenderableType:
    """Builds a table of kept pairs and reasons for rejection."""
    words = Text(f"{summary['problem']}: {summary['kept']} pairs kept of {summary['tried']} tried")
    table = Table("rejected because", "pairs")
    for reason, count in summary["rejected"].items():
        table.add_row(reason, str(count))
    return Group(words, table) if summary["rejected"] else words


def _format_number(value: float | None) -> str:
    return "–" if value is None else f"{value:.10g}"
