"""Evaluations as bytes for another process.

An evaluation is a request: a plain object that can be pickled and is called where it runs. `pack` turns it into bytes
for another process; instances are put apart, once each, under their digests. Nothing that a candidate returns is ever
unpickled: a request is made by the driver, and results are plain data.
"""

import pickle
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from gapsmith.agent.evaluation.executors.base import Work
from gapsmith.evaluators.base import Instance

InstanceKey = tuple[str, str, str]
"""The digest, name and stratum of an instance."""


class _Pickler(pickle.Pickler):
    """Pickles a request without its instances, which it collects."""

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
