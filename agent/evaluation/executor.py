"""Runs evaluations in parallel: N threads, each with a sandbox of its own.

An evaluation is a request: a plain object that can be pickled and is called where it runs. `pack` turns it into bytes
for another process; instances are put apart, once each, under their digests. Nothing that a candidate returns is ever
unpickled: a request is made by the driver, and results are plain data.
"""

import pickle
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from statistics import median
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from gapsmith.evaluators.base import Instance, Runner, UsageError, describe_unknown
from gapsmith.sandbox import Job, Level, open_sandbox

T = TypeVar("T")
Work = Callable[[Runner, float], T]
"""What a worker does: given its sandbox, and the CPU seconds of a null call in it."""


InstanceKey = tuple[str, str, str]
"""The digest, name and stratum of an instance."""


class _Pickler(pickle.Pickler):
    """Pickles a request, and collects its instances instead of pickling them with it."""

    def __init__(self, file: BytesIO) -> None:
        super().__init__(file)
        self.instances: dict[InstanceKey, Instance] = {}

    def persistent_id(self, found: Any) -> InstanceKey | None:
        """Returns the key of an instance; None of anything else."""
        if not isinstance(found, Instance):
            return None
        key = found.digest, found.name, found.stratum
        self.instances[key] = found
        return key


class _Unpickler(pickle.Unpickler):
    """Restores a request with instances that were put before."""

    def __init__(self, file: BytesIO, instances: Mapping[InstanceKey, Instance]) -> None:
        super().__init__(file)
        self._instances = instances

    def persistent_load(self, key: Any) -> Instance:
        """Returns the instance of a key. Raises KeyError for an unknown one."""
        return self._instances[key]


def pack(request: Work[Any], put: Callable[[InstanceKey, Instance], None]) -> bytes:
    """Turns a request into bytes for another process.

    Args:
        request: made by the driver.
        put: is given each instance of the request; it keeps those that it does not have yet.
    """
    file = BytesIO()
    pickler = _Pickler(file)
    pickler.dump(request)
    for key, instance in pickler.instances.items():
        put(key, instance)
    return file.getvalue()


def unpack(packed: bytes, instances: Mapping[InstanceKey, Instance]) -> Work[Any]:
    """Restores a request of `pack`; only for bytes that the driver made.

    Problems are found by their references, and files of one's own must have the same version.
    """
    request: Work[Any] = _Unpickler(BytesIO(packed), instances).load()
    return request


class Executor(Protocol):
    """Where evaluations run."""

    def submit(self, work: Work[T]) -> Future[T]:
        """Queues work; its result or error is the future's."""
        ...


class LocalExecutor:
    """N sandboxes on this machine, opened as they are first needed.

    Args:
        workers: how many evaluations run at once.
        minimum: the weakest isolation that is accepted.
        preload: what programs may import beside the standard library; see `open_sandbox`.
    """

    def __init__(self, workers: int = 2, minimum: Level = Level.L2, preload: str = "numpy") -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="evaluation")
        self._minimum, self._preload = minimum, preload
        self._local = threading.local()
        self._lock = threading.Lock()
        self._boxes: list[tuple[Runner, Callable[[], None]]] = []

    def submit(self, work: Work[T]) -> Future[T]:
        """Queues work for the next free sandbox."""
        return self._pool.submit(self._do, work)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for _, close in self._boxes:
            close()

    def _do(self, work: Work[T]) -> T:
        if not hasattr(self._local, "box"):
            box = self._open()
            self._local.null = measure_null_seconds(
                box
            )  # May raise: a box that fails here is not taken up half.
            self._local.box = box
        return work(self._local.box, self._local.null)

    def _open(self) -> Runner:
        with self._lock:
            box = open_sandbox(preload=self._preload, minimum=self._minimum, slot=len(self._boxes))
            self._boxes.append((box, box.close))
            return box


LOCAL = "local"

EXECUTORS = {LOCAL: LocalExecutor}
"""By the names that settings use."""


def find_executor(name: str) -> type[LocalExecutor]:
    """Returns the executor of that name. Raises UsageError for an unknown one."""
    if name not in EXECUTORS:
        raise UsageError(describe_unknown("executor", name, list(EXECUTORS)))
    return EXECUTORS[name]


def measure_null_seconds(runner: Runner, calls: int = 15) -> float:
    """Measures the CPU seconds of a call that does nothing.

    They are subtracted from every measurement.
    """
    outcome = runner.run(Job(source="def null():\n    return []\n", entry="null", calls=({},) * calls))
    return median(answer.cpu_seconds for answer in outcome.answers) if outcome.answers else 0.0
