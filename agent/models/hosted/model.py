"""A hosted model of any provider.

What is the provider's own stands behind `HostedApi`.
"""

import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gapsmith.agent.models.base import Reply, Request
from gapsmith.agent.models.hosted.account import CostMeter, Options, ProviderReply, drop_implausible
from gapsmith.agent.models.hosted.batch.base import BatchApi, Batches
from gapsmith.agent.models.hosted.parameters import Parameter, Parameters
from gapsmith.agent.models.hosted.transport.calls import CallQueue
from gapsmith.agent.models.hosted.transport.errors import Fault


class HostedApi(Protocol):
    """The provider's part: writing requests, reading answers.

    A file each in `providers`.
    """

    @property
    def parameters(self) -> Sequence[Parameter]:
        """The optional parameters of each request; one that the server refuses is left out from then on."""
        ...

    def build_body(self, request: Request, optional: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the body of a request.

        Args:
            request: the question.
            optional: what the parameters that are still in use add to the body.
        """
        ...

    def send(self, body: Mapping[str, Any]) -> Mapping[str, Any] | Fault:
        """Sends a body once and returns the answer as JSON.

        Never retries, and raises no errors of the SDK.
        """
        ...

    def read(self, answer: Mapping[str, Any]) -> ProviderReply | Fault:
        """Reads an answer."""
        ...

    def open_batches(self, parameters: Parameters) -> BatchApi | None:
        """Returns the provider's batches; None where it has none."""
        ...

    def close(self) -> None:
        """Closes the connections; may be called twice."""
        ...


class HostedModel:
    """One model behind a provider's API.

    Its connections are made once and shared by threads.

    Args:
        api: the provider's.
        meter: settles what calls cost.
        options: how the model is asked.
        stop: when set, nothing more is sent.
    """

    deterministic = False

    def __init__(
        self, api: HostedApi, meter: CostMeter, options: Options, stop: threading.Event | None = None
    ) -> None:
        self._api, self._meter, self._options = api, meter, options
        self._queue = CallQueue(meter, options, hang_up=api.close, stop=stop)
        self._parameters = Parameters(api.parameters)
        weakref.finalize(self, api.close)  # where a model is not closed

    @property
    def name(self) -> str:
        """As on the command line."""
        return self._meter.model

    def bound_usd(self, length: int) -> float | None:
        """Bounds the price of a call by its prompt's length in bytes.

        None for a model without a price.
        """
        return self._meter.bound_usd(length)

    def estimate_usd(self, length: int) -> float | None:
        """Estimates the price of a usual call by its prompt's bytes.

        None for a model without a price.
        """
        return self._meter.estimate_usd(length)

    def reply(self, request: Request) -> Reply:
        """Returns the reply to one request.

        Raises ModelError when the run cannot go on.
        """
        return self._queue.reply(
            lambda: self._parameters.ask(lambda optional: self._send(request, optional)), request.may_repeat
        )

    @property
    def batches(self) -> Batches | None:
        """The model's batches, where it is asked in batches."""
        api = self._api.open_batches(self._parameters) if self._options.batch else None
        return Batches(api, self._queue, self._meter) if api else None

    def close(self) -> None:
        """Sends nothing more.

        Replies that were already requested still arrive; the last one closes the connections.
        """
        self._queue.close()

    def _send(self, request: Request, optional: Mapping[str, Any]) -> ProviderReply | Fault:
        answer = self._api.send(self._api.build_body(request, optional))
        return answer if isinstance(answer, Fault) else drop_implausible(self._api.read(answer), request)
