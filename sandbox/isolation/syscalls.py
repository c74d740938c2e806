"""Names and numbers of system calls.

X86-64, and the kernel's generic table, which aarch64 uses.

Each row is `name x86-64 generic`; a dash where the architecture lacks the call.
"""

import platform

_ALLOWED = """
read 0 63, write 1 64, close 3 57, lseek 8 62, mmap 9 222, mprotect 10 226, munmap 11 215, brk 12 214,
mremap 25 216, clock_gettime 228 113, clock_getres 229 114,
clock_nanosleep 230 115, nanosleep 35 101, gettimeofday 96 169, time 201 -, rt_sigaction 13 134,
rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136, rt_sigtimedwait 128 137,
sigaltstack 131 132, pause 34 -, restart_syscall 219 128, readv 19 65, writev 20 66, pread64 17 67,
fstat 5 80, dup 32 23, poll 7 -, ppoll 271 73, select 23 -, pselect6 270 72, exit 60 93, exit_group 231 94,
getpid 39 172, gettid 186 178, getppid 110 173, getuid 102 174, geteuid 107 175, getgid 104 176,
getegid 108 177, getgroups 115 158, getresuid 118 148, getresgid 120 150, getpgid 121 155, getpgrp 111 -,
getsid 124 156, getrandom 318 278, getrusage 98 165, getrlimit 97 163, times 100 153, uname 63 160,
getcpu 309 168, sched_yield 24 124, sched_getaffinity 204 123, sched_getparam 143 121,
sched_getscheduler 145 120, sched_get_priority_max 146 125, sched_get_priority_min 147 126,
rseq 334 293, arch_prctl 158 -
"""
"""Calls that Python and numpy need and that do not reach beyond the process."""

_FILES = """
stat 4 -, lstat 6 -, newfstatat 262 79, statx 332 291, access 21 -, faccessat 269 48, faccessat2 439 439,
readlink 89 -, readlinkat 267 78, getdents 78 -, getdents64 217 61, getcwd 79 17, open 2 -, openat 257 56
"""
"""Reading files: allowed only where another layer decides which files."""

_ZYGOTE = """
wait4 61 260, socketpair 53 199, pipe2 293 59, sendmsg 46 211, sendto 44 206, recvfrom 45 207,
getsockname 51 204, getsockopt 55 209, pidfd_open 434 434, dup2 33 -, dup3 292 24, close_range 436 436,
prctl 157 167, setrlimit 160 164, setpgid 109 154, set_mempolicy 238 237,
set_robust_list 273 99
"""
"""Calls that only the zygote needs; each child forbids them to itself. At the end of a thread a robust list would
wake any process, in any sandbox, that waits on a page of a library."""

_CONDITIONAL = """
prlimit64 302 261, clone 56 220, clone3 435 435, kill 62 129, tgkill 234 131, tkill 200 130, fcntl 72 25,
futex 202 98, madvise 28 233
"""
"""Allowed to children with certain arguments only."""

_DEADLY = """
ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271, mount 165 40, umount2 166 39,
pivot_root 155 41, chroot 161 51, unshare 272 97, setns 308 268, bpf 321 280, io_uring_setup 425 425,
io_uring_enter 426 426, io_uring_register 427 427, keyctl 250 219, add_key 248 217, request_key 249 218,
userfaultfd 323 282, perf_event_open 298 241, kexec_load 246 104, kexec_file_load 320 294,
init_module 175 105, finit_module 313 273, delete_module 176 106, open_by_handle_at 304 265,
name_to_handle_at 303 264, open_tree 428 428, move_mount 429 429, fsopen 430 430, fsconfig 431 431,
fsmount 432 432, fspick 433 433, mount_setattr 442 442, reboot 169 142, swapon 167 224, swapoff 168 225,
personality 135 92, iopl 172 -, ioperm 173 -, acct 163 89, settimeofday 164 170, clock_settime 227 112,
quotactl 179 60, process_madvise 440 440, pidfd_getfd 438 438, kcmp 312 272, modify_ldt 154 -,
syslog 103 116, vhangup 153 58
"""
"""Calls that no honest heuristic makes: they kill the process."""

_UTILITY = """
landlock_create_ruleset 444 444, landlock_add_rule 445 445, landlock_restrict_self 446 446
"""


def detect_architecture() -> str:
    """Returns the architecture as tables of system calls name it."""
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())


def _parse_numbers(rows: str, column: int | None) -> dict[str, int]:
    if column is None:
        return {}
    words = [row.split() for row in rows.split(",")]
    return {row[0]: int(row[column]) for row in words if row[column] != "-"}


class Table:
    """The system calls of one architecture by name, in groups.

    The groups are empty where the architecture is unknown.

    Attributes:
        architecture: the kernel's number for it in filters.
        allowed, files, zygote, conditional, deadly: the groups.
        numbers: all of them together.
    """

    def __init__(self, name: str) -> None:
        column, self.architecture = {"x86_64": (1, 0xC000003E), "aarch64": (2, 0xC00000B7)}.get(
            name, (None, 0)
        )
        self.name = name
        self.allowed = _parse_numbers(_ALLOWED, column)
        self.files = _parse_numbers(_FILES, column)
        self.zygote = _parse_numbers(_ZYGOTE, column)
        self.conditional = _parse_numbers(_CONDITIONAL, column)
        self.deadly = _parse_numbers(_DEADLY, column)
        utility = _parse_numbers(_UTILITY, column)
        groups = (self.allowed, self.files, self.zygote, self.conditional, self.deadly, utility)
        self.numbers = {call: number for group in groups for call, number in group.items()}


HERE = Table(detect_architecture())
