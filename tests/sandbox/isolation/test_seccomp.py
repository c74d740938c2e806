"""The filters, interpreted: for this architecture and for those that are not at hand."""

import errno
import re
import struct
from pathlib import Path

import pytest

from gapsmith.sandbox.isolation import seccomp
from gapsmith.sandbox.isolation.syscalls import Table

ALLOW, KILL, EPERM = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
TABLES = [Table("x86_64"), Table("aarch64")]
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
OWN = seccomp.OWN_PID
tables = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


def verdict(program, table, number, *arguments, architecture=None):
    """What a filter answers: the interpreter of the few instructions that are used."""
    words = [number & 0xFFFFFFFF, architecture or table.architecture, 0, 0]
    memory = struct.pack("IIII", *words) + struct.pack("6Q", *[*arguments, 0, 0, 0, 0, 0, 0][:6])
    place = accumulator = 0
    while True:
        code, yes, no, word = program[place]
        place += 1
        if code == 0x06:
            return word
        if code == 0x20:
            (accumulator,) = struct.unpack_from("I", memory, word)
        elif code == 0x05:
            place += word
        else:
            holds = {0x15: accumulator == word, 0x35: accumulator >= word, 0x45: bool(accumulator & word)}[
                code
            ]
            place += yes if holds else no


def both(table, name, *arguments, files=True, threads=False):
    """What the two filters together answer a child: the stricter."""
    number = table.numbers[name]
    zygote, child = seccomp.build_zygote_filter(files, table), seccomp.build_child_filter(threads, table)
    answers = {verdict(zygote, table, number, *arguments), verdict(child, table, number, *arguments)}
    return KILL if KILL in answers else min(answers)


@tables
def test_allowed(table):
    """What a program needs is allowed by both filters."""
    assert {both(table, name) for name in table.allowed} == {ALLOW}


@tables
def test_deadly(table):
    """What is deadly kills."""
    assert {both(table, name) for name in table.deadly} == {KILL}


@tables
def test_taken_from_children(table):
    """What only the zygote needs is allowed to it and taken from its children."""
    program = seccomp.build_zygote_filter(True, table)
    assert {verdict(program, table, number) for number in table.zygote.values()} == {ALLOW}
    assert {both(table, name) for name in table.zygote} == {EPERM}


@tables
@pytest.mark.parametrize("files", [True, False])
def test_unknown_numbers(table, files):
    """Every number without a name in the table is refused."""
    named = set(table.numbers.values()) - {444, 445, 446}
    program = seccomp.build_zygote_filter(files, table)
    assert {verdict(program, table, number) for number in set(range(600)) - named} == {EPERM}


@tables
def test_files(table):
    """Files may be opened to read, by no call to write, and not at all where no layer guards them."""
    assert both(table, "openat", 0, 0, 0o2000000) == ALLOW
    for flags in (1, 2, 0o100, 0o1000, 0o2000, 0o20000000, 0o102):
        assert both(table, "openat", 0, 0, flags) == EPERM
    assert {both(table, name, files=False) for name in table.files} == {EPERM}


@tables
def test_threads(table):
    """Only the exact flags of a thread are let through, and only if threads are allowed."""
    assert both(table, "clone", 0x3D0F00, threads=True) == ALLOW
    assert both(table, "clone", 0x3D0F00) == 0x00050000 | errno.EAGAIN
    for flags in (17, 0x3D0F00 | 0x20000000, 0x4111, 0):
        assert both(table, "clone", flags, threads=True) == EPERM
    assert both(table, "clone3", threads=True) == 0x00050000 | errno.ENOSYS


@tables
@pytest.mark.parametrize("name", ["kill", "tgkill", "tkill"])
def test_signals(table, name):
    """Signals go to the process itself only, whatever the bits that the kernel does not read, and only to crash."""
    place = 2 if name == "tgkill" else 1
    for number in range(65):
        crash = number in (0, 4, 5, 6, 7, 8, 11)
        assert both(table, name, OWN, *[0] * (place - 1), number) == (ALLOW if crash else EPERM)
    for other in (0, 1, OWN - 1, 0xFFFFFFFF, 1 | OWN << 32):
        assert both(table, name, other) == EPERM


@tables
def test_futexes(table):
    """A futex that other processes could share is refused, but for joining a thread where threads are allowed."""
    for operation in range(14):
        for clock in (0, 256):
            assert both(table, "futex", 0, operation | clock | 128) == ALLOW
            assert both(table, "futex", 0, operation | clock) == EPERM
            joins = operation | clock in (0, 9, 265)
            assert both(table, "futex", 0, operation | clock, threads=True) == (ALLOW if joins else EPERM)
    assert both(table, "set_robust_list", 0, 24) == EPERM


@tables
def test_advice_on_memory(table):
    """What other processes would notice in the cache of files is refused."""
    assert both(table, "madvise", 0, 4096, 4) == ALLOW
    for advice in (3, 9, 12, 20, 21, 22, 23, 25, 100):
        assert both(table, "madvise", 0, 4096, advice) == EPERM


@tables
def test_limits(table):
    """Limits may be read, not set."""
    assert both(table, "prlimit64", 0, 7, 0, 1 << 40) == ALLOW
    assert both(table, "prlimit64", 0, 7, 1 << 40, 0) == EPERM
    assert both(table, "prlimit64", 0, 7, 1, 0) == EPERM


@tables
def test_descriptor_control(table):
    """Of fcntl only duplicating and the harmless flags are left."""
    assert both(table, "fcntl", 3, 3) == ALLOW
    for command in (4, 8, 1031, 1033):
        assert both(table, "fcntl", 3, command) == EPERM


@tables
def test_other_architecture(table):
    """Calls by another architecture's numbering kill, whatever the number."""
    for program in (seccomp.build_zygote_filter(True, table), seccomp.build_child_filter(True, table)):
        for number in (0, 1, 20, 63):
            assert verdict(program, table, number, architecture=0x40000003) == KILL


def test_x32():
    """The x32 numbering kills."""
    table = Table("x86_64")
    assert verdict(seccomp.build_zygote_filter(True, table), table, 0x40000000) == KILL


def test_unknown_architecture():
    """An architecture without a table has no calls at all, rather than another's."""
    assert Table("riscv64").numbers == {}


@tables
def test_filters_fit(table):
    """Filters stay within the kernel's limit, and jumps within a byte."""
    for program in (seccomp.build_zygote_filter(True, table), seccomp.build_child_filter(True, table)):
        assert len(program) < 4096
        assert all(0 <= jump <= 255 for _, yes, no, _ in program for jump in (yes, no))


@tables
def test_numbers_are_the_kernels(table):
    """The numbers in the table are those of the kernel's own headers."""
    header = HEADERS[table.name]
    if not header.exists():
        pytest.skip(f"{header} is not installed")
    pattern = r"#define __NR(?:3264)?_(\w+)\s+(\d+)"
    known = {name: int(number) for name, number in re.findall(pattern, header.read_text())}
    known.setdefault("newfstatat", known.get("fstatat", -1))
    assert {name: number for name, number in table.numbers.items() if known.get(name) != number} == {}
