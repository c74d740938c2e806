"""Questions sent in batches, at half the price.

The provider's API, and how a model uses it.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from gapsmith.agent.models.base import Model, ModelError, Reply, Request
from gapsmith.agent.models.hosted.account import CostMeter, ProviderReply, drop_implausible
from gapsmith.agent.models.hosted.transport.calls import CallQueue
from gapsmith.agent.models.hosted.transport.errors import Fault
from gapsmith.evaluators.base import UsageError

T = TypeVar("T")
# Times that a question is sent in all, if its batch expires, is cancelled, or the server fails it.
TRIES = 3


@dataclass(frozen=True)
class BatchStatus:
    """The status of a batch.

    Attributes:
        ended: whether its results can be had.
        done: questions that are answered or have failed; some servers tell it at the end only.
    """

    ended: bool
    done: int


class BatchApi(Protocol):
    """The batch API of a provider.

    Each method sends its requests and returns a Fault where that fails.
    """

    def submit(self, name: str, requests: Mapping[str, Request]) -> str | Fault:
        """Sends requests and returns the provider's id of the batch.

        Their ids are ours, and all begin with the name.
        """
        ...

    def find(self, name: str, made: float, count: int, known: Collection[str]) -> str | Fault:
        """Finds a batch that may have been accepted under a name.

        Returns its id; empty where there is none.

        Args:
            name: under which it was sent.
            made: when, seconds since the epoch, at the earliest.
            count: its requests.
            known: ids of batches that are others.
        """
        ...

    def read_status(self, id_: str) -> BatchStatus | Fault:
        """Returns the status of a batch."""
        ...

    def read_results(self, id_: str) -> Mapping[str, ProviderReply | Fault] | Fault:
        """Returns the results of an ended batch, by our ids.

        A Fault where all of it failed.
        """
        ...

    def leave_out(self, fault: Fault) -> bool:
        """Tells whether a request failed for an optional parameter.

        The parameter is left out from then on.
        """
        ...


class Batches:
    """A model's batches. Safe in threads.

    Args:
        api: the provider's.
        line: repeats what fails, at the server's pace, and ends with the run.
        meter: says what answers cost and which faults are permanent.
    """

    def __init__(self, api: BatchApi, line: CallQueue, meter: CostMeter) -> None:
        self._api, self._queue, self._meter = api, line, meter

    def submit(
        self, name: str, requests: Mapping[str, Request], made: float, known: Collection[str] = ()
    ) -> str:
        """Sends a batch and returns the provider's id.

        Raises ModelError, Stopped.

        A server may accept a batch and be cut off before it can say so. So what fails is looked for before it is
        sent again: a batch that is sent twice is paid for twice.
        """
        tried = False

        def attempt() -> str | Fault:
            nonlocal tried
            found = self._api.find(name, made, len(requests), known) if tried else ""
            tried = True
            return found or self._api.submit(name, requests)

        return self._fetch(attempt)

    def find(self, name: str, made: float, count: int, known: Collection[str]) -> str:
        """Finds a batch that may have been accepted.

        Returns its id; empty if it was not accepted. Raises ModelError.
        """
        return self._fetch(lambda: self._api.find(name, made, count, known))

    def read_status(self, id_: str) -> BatchStatus | None:
        """Returns the status of a batch.

        None where the server cannot say so now. Raises ModelError, Stopped.
        """
        result = self._queue.fetch(lambda: self._api.read_status(id_))
        if isinstance(result, Fault) and result.status == 404:
            raise ModelError(
                f"{self._meter.model}: batch {id_} is not there; expected the key and base URL by which it "
                "was sent (a server keeps results for about 29 days)"
            )
        if isinstance(result, Fault):
            if result.is_transient:
                return None
            raise self._meter.build_error(result)
        return result

    def collect(self, id_: str) -> Mapping[str, ProviderReply | Fault] | Fault:
        """Returns the results of an ended batch.

        A Fault where all of it failed. Raises Stopped.
        """
        return self._queue.fetch(lambda: self._api.read_results(id_))

    def settle(
        self, result: ProviderReply | Fault, request: Request, seconds: float, faults: Sequence[Fault]
    ) -> Reply | None:
        """Returns the reply to record, or None to ask again.

        Raises ModelError.

        Args:
            result: the answer, or the fault.
            request: the question.
            seconds: that it took.
            faults: of the question in earlier batches.
        """
        if isinstance(result, Fault) and self._should_retry(result, len(faults) + 1):
            return None
        return self._meter.settle(drop_implausible(result, request), seconds, faults)

    def build_error(self, fault: Fault) -> ModelError:
        """Returns the error to raise where a whole batch failed."""
        return self._meter.build_error(fault)

    def _should_retry(self, fault: Fault, times: int) -> bool:
        return (self._api.leave_out(fault) or fault.is_transient) and times < TRIES

    def _fetch(self, ask: Callable[[], T | Fault]) -> T:
        result = self._queue.fetch(ask)
        if isinstance(result, Fault):
            raise self._meter.build_error(result)
        return result


def find_batches(models: Iterable[Model]) -> dict[str, Batches]:
    """Maps the names of models to their batches.

    Models that are asked one by one are left out.
    """
    found = {model.name: getattr(model, "batches", None) for model in models}
    return {name: batches for name, batches in found.items() if batches}


def check_batches(models: Sequence[Model]) -> None:
    """Raises UsageError where no model can be asked in batches."""
    if not find_batches(models):
        found = "+".join(model.name for model in models)
        raise UsageError(
            f"--batch is for models of openai: and anthropic:; found {found}; leave it out, or name such a model "
            "with --model"
        )


def parse_lines(text: str) -> list[Mapping[str, Any]]:
    """Parses a file of JSON objects, one per line.

    Raises ValueError for anything else.
    """
    # Not by `splitlines`, which also splits where a reply has one of Unicode's line separators.
    found = [json.loads(line) for line in text.split("\n") if line.strip()]
    if not all(isinstance(each, dict) and "custom_id" in each for each in found):
        raise ValueError(f"not the results of a batch: {text[:100]!r}")
    return found
