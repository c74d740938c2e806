"""Namespaces and the private root.

The process sees no network, no other process, and few files.
"""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterable

from gapsmith.sandbox.isolation import kernel

_NEW_MOUNT, _NEW_UTS, _NEW_IPC = 0x00020000, 0x04000000, 0x08000000
_NEW_USER, _NEW_PID, _NEW_NET = 0x10000000, 0x20000000, 0x40000000
_OPEN_TREE_CLONE, _AT_RECURSIVE, _AT_FDCWD = 1, 0x8000, -100
_MOVE_MOUNT_FROM_DESCRIPTOR = 4
_MS_REC, _MS_PRIVATE, _MNT_DETACH = 0x4000, 0x40000, 2
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 1, 2, 4
HOST_NAME = b"sandbox"
_FIRST_PID = 10_000
_FOREIGN = ("site-packages", "dist-packages")


def enter() -> None:
    """Leaves the host's namespaces.

    The next child is the first process of its own process namespace.

    Raises:
        OSError: where that is not allowed; nothing has changed then.
    """
    # Process numbers then have no meaning outside: without handles the host could not kill a child.
    os.close(os.pidfd_open(os.getpid()))
    spaces = _NEW_MOUNT | _NEW_UTS | _NEW_IPC | _NEW_PID | _NEW_NET
    kernel.call("unshare", spaces | (0 if os.getuid() == 0 else _NEW_USER))


def map_user(uid: int, gid: int) -> None:
    """Keeps a normal user's ids in the new user namespace.

    Raises OSError, for example where AppArmor forbids it.
    """
    if uid != 0:
        _map("setgroups", "deny")
        _map("uid_map", f"{uid} {uid} 1")
        _map("gid_map", f"{gid} {gid} 1")


def _map(name: str, text: str) -> None:
    with open(f"/proc/self/{name}", "w") as file:
        file.write(text)


def read_identities() -> dict[str, str]:
    """Returns the kernel's names of this process's namespaces; empty without /proc."""
    if sys.platform != "linux" or not os.path.isdir("/proc/self/ns"):
        return {}
    return {
        name: os.readlink(f"/proc/self/ns/{name}") for name in ("ipc", "mnt", "net", "pid", "user", "uts")
    }


def look_like_any_other() -> None:
    """Sets a constant host name and a random next process number.

    A constant first number would reveal to a program how many ran before it. Refusals of the kernel are
    ignored: neither setting protects anything.
    """
    for name in (kernel.load_libc().sethostname, kernel.load_libc().setdomainname):
        name(HOST_NAME, len(HOST_NAME))
    with contextlib.suppress(OSError), open("/proc/sys/kernel/ns_last_pid", "w") as file:
        file.write(str(_FIRST_PID + int.from_bytes(os.urandom(2)) % _FIRST_PID))


def enter_private_root(folders: Iterable[str]) -> None:
    """Moves into an empty, read-only root that holds only `folders`, read-only.

    They keep their own paths. Folders of installed packages inside them are hidden, except for what `folders`
    names in turn. The folders are opened before anything is covered, so that they may lie anywhere: in a home
    that only its owner may enter, or below the place where the new root is built.

    Raises:
        OSError: the process is then half-way and must end.
    """
    trees = [(path, _clone(path)) for path in sorted(set(folders))]
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE, "")
    anchor = trees[0][0]
    _mount("tmpfs", anchor, "tmpfs", 0, "mode=0755,size=512k,nr_inodes=1024")
    os.chdir(anchor)
    for path, tree in trees:
        _place(path, tree)
    _read_only(".")
    kernel.call("pivot_root", b".", b".")
    kernel.call("umount2", b".", _MNT_DETACH)
    os.chdir("/")


def _place(path: str, tree: int) -> None:
    target = "." + path
    os.makedirs(target, 0o755, exist_ok=True)
    arguments = (tree, b"", _AT_FDCWD, target.encode(), _MOVE_MOUNT_FROM_DESCRIPTOR)
    kernel.call("move_mount", *arguments)
    os.close(tree)
    for name in _FOREIGN:
        if os.path.isdir(f"{target}/{name}"):
            _mount("tmpfs", f"{target}/{name}", "tmpfs", 0, "mode=0755,size=64k,nr_inodes=256")


def _clone(path: str) -> int:
    flags = _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC
    return kernel.call("open_tree", _AT_FDCWD, path.encode(), flags)


def _read_only(path: str) -> None:
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV, 0, 0, 0)
    buffer = ctypes.create_string_buffer(bytes(attributes), 32)
    kernel.call("mount_setattr", _AT_FDCWD, path.encode(), _AT_RECURSIVE, buffer, 32)


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    words = (source.encode(), target.encode(), kind.encode(), flags, options.encode())
    kernel.call("mount", *words)
