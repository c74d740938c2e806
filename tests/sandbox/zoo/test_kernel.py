"""Attacks on the kernel: system calls that no heuristic needs."""

import platform

import pytest

from gapsmith.sandbox import Ending
from gapsmith.sandbox.isolation.syscalls import HERE

UNSAFE_WITHOUT_LAYERS = {"reboot", "vhangup", "acct", "kexec_load", "chroot", "syslog", "iopl", "swapoff"}
"""Not to be tried with the layers off, arguments of zero or not."""

RAISES = (
    "\ntry:\n    return syscall({number}, 0, 0, 0, 0, 0)\nexcept OSError as error:\n    return error.errno\n"
)


@pytest.mark.parametrize("name", sorted(UNSAFE_WITHOUT_LAYERS & set(HERE.deadly)))
def test_deadly_call_not_to_be_tried_without_layers(guest, name):
    """A system call on the deadly list kills the process, and the ending says so."""
    outcome = guest.attack(RAISES.format(number=HERE.deadly[name]))
    assert outcome.ending is Ending.FORBIDDEN_SYSCALL


@pytest.mark.layered
@pytest.mark.parametrize("name", sorted(set(HERE.deadly) - UNSAFE_WITHOUT_LAYERS))
def test_deadly_call(guest, name):
    """A system call on the deadly list kills the process, and the ending says so."""
    outcome = guest.attack(RAISES.format(number=HERE.deadly[name]))
    assert outcome.ending is Ending.FORBIDDEN_SYSCALL


@pytest.mark.layered(privileged=True)
def test_removing_the_filter(guest):
    """A filter of one's own cannot be added."""
    body = """
code = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0x7fff0000))
program = ctypes.create_string_buffer(struct.pack('HxxxxxxP', 1, ctypes.addressof(code)))
return syscall((157, 167), 22, 2, ctypes.addressof(program), 0, 0)
"""
    assert guest.refuses(body)


@pytest.mark.layered
def test_process_properties(guest):
    """No property of the process can be changed: not whether it dies with its parent, not whether it is readable."""
    assert guest.refuses("return syscall((157, 167), 4, 1, 0, 0, 0)")
    assert guest.refuses("return syscall((157, 167), 1, 0, 0, 0, 0)")


@pytest.mark.layered
@pytest.mark.skipif(platform.machine() != "x86_64", reason="an x86-64 affair")
def test_x32_calls(guest):
    """The third numbering of x86-64's system calls is closed."""
    outcome = guest.attack("try: return syscall(0x40000000 + 39)\nexcept OSError: return 0")
    assert outcome.ending is Ending.FORBIDDEN_SYSCALL


@pytest.mark.layered
@pytest.mark.skipif(platform.machine() != "x86_64", reason="an x86-64 affair")
def test_32_bit_calls(guest):
    """The 32-bit numbering, where 20 is an innocent getpid and 11 is exec, is closed."""
    body = """
import mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3')  # mov eax, 20; int 0x80; ret
code = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
return code()
"""
    outcome = guest.attack(body)
    assert outcome.ending is Ending.FORBIDDEN_SYSCALL


@pytest.mark.layered
def test_unknown_call(guest):
    """A number that nobody has thought of is refused, not passed on."""
    # With the layers off the kernel says ENOSYS.
    assert guest.tries("return syscall(2000)") == "EPERM"


@pytest.mark.layered
def test_terminal_tricks(guest):
    """Nothing can be asked of a device behind a descriptor."""
    body = "out = ctypes.create_string_buffer(64)\nreturn syscall((16, 29), 3, 0x541B, out)"
    assert guest.refuses(body)


@pytest.mark.layered
def test_high_bits_of_arguments(guest):
    """Bits above those that the kernel reads do not deceive the filter."""
    body = "return syscall((62, 129), os.getppid() | 1 << 32, 0)"
    assert guest.refuses(body)


@pytest.mark.layered
def test_limits_by_raw_call(guest):
    """Limits cannot be set by the raw call either, by a pointer with any bit set."""
    body = "new = (ctypes.c_uint64 * 2)(1 << 40, 1 << 40)\nreturn syscall((302, 261), 0, 7, new, 0)"
    body = body.replace("1 << 40, 1 << 40", "8, 8")
    assert guest.refuses(body)
