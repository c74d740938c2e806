"""Landlock.

This process and its forks may read the named files and nothing else.
"""

import ctypes
import os
import struct
from collections.abc import Iterable

from gapsmith.sandbox.isolation import kernel

_READ_FILE, _READ_DIRECTORY = 1 << 2, 1 << 3
_VERSION = 1
_PATH_BENEATH = 1
_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""Number of kinds of file access that the interface knows, by the version that introduced them."""
_ALL_TCP, _ALL_SCOPES = 0b11, 0b11
_TCP_SINCE, _SCOPES_SINCE = 4, 6
_FOREIGN = {"site-packages", "dist-packages"}


def read_version() -> int:
    """Returns the version of the interface. Raises OSError where there is none."""
    return kernel.call("landlock_create_ruleset", None, 0, _VERSION)


def restrict(folders: Iterable[str]) -> None:
    """Restricts access to files to reading inside `folders`.

    TCP and signals to other domains are denied where the kernel's version supports it. Folders of installed
    packages inside `folders` may be listed, not read: they hold more than was requested.

    Raises:
        OSError: where the kernel has no Landlock.
    """
    ruleset = _create_ruleset(read_version())
    try:
        for folder in folders:
            _allow(ruleset, folder, _READ_DIRECTORY)
            for entry in sorted(set(os.listdir(folder)) - _FOREIGN):
                _allow(ruleset, os.path.join(folder, entry), _READ_FILE)
        kernel.call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _create_ruleset(known: int) -> int:
    files = (1 << max(count for since, count in _RIGHTS.items() if since <= known)) - 1
    tcp = _ALL_TCP if known >= _TCP_SINCE else 0
    scopes = _ALL_SCOPES if known >= _SCOPES_SINCE else 0
    # Older kernels accept a longer structure only if the unknown fields are zero.
    attributes = ctypes.create_string_buffer(struct.pack("QQQ", files, tcp, scopes))
    return kernel.call("landlock_create_ruleset", attributes, 24, 0)


def _allow(ruleset: int, path: str, access: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = ctypes.create_string_buffer(struct.pack("=Qi", access, descriptor))
        kernel.call("landlock_add_rule", ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)
