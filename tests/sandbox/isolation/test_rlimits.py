"""Resource limits: what a forked process gets, and that no limit can be raised again."""

import json
import os
import resource
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.sandbox.isolation import rlimits
from gapsmith.sandbox.isolation.rlimits import DESCRIPTORS, Footprint

MIB = 1 << 20
JOB = {"threads": 0, "memory_mb": 64, "cpu_net": 30}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of addresses are Linux's")


def in_a_fork(work):
    """Runs a function in a child, whose limits end with it, and returns its result."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, json.dumps(work()).encode())
        except OSError as error:
            os.write(writer, json.dumps(f"OSError: {error}").encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(said)


def limits_of(job, own_uid=True):
    """The limits that a job leaves a process with, by name."""
    base = Footprint(100 * MIB, 20 * MIB)

    def apply():
        rlimits.apply(job, base, own_uid)
        names = ("RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_CPU", "RLIMIT_NPROC")
        return {name: resource.getrlimit(getattr(resource, name)) for name in names}

    return in_a_fork(apply)


def test_memory_is_counted_from_the_zygote_on():
    """A child may use its budget on top of the memory that it shares."""
    found = limits_of(JOB)
    assert found["RLIMIT_AS"] == [164 * MIB] * 2
    assert found["RLIMIT_DATA"] == [84 * MIB] * 2


def test_cpu_time_ends_a_second_after_its_warning():
    """The soft limit sends a signal, the hard one kills."""
    assert limits_of(JOB)["RLIMIT_CPU"] == [30, 31]


def test_threads_get_room_for_their_stacks():
    """Each thread adds addresses and data, and the limit of processes counts them."""
    one, two = (limits_of(JOB | {"threads": threads}) for threads in (1, 2))
    assert two["RLIMIT_AS"][0] > one["RLIMIT_AS"][0] > 164 * MIB
    assert two["RLIMIT_DATA"][0] > one["RLIMIT_DATA"][0] > 84 * MIB
    assert two["RLIMIT_NPROC"][0] == one["RLIMIT_NPROC"][0] + 1


def test_a_program_without_threads_makes_no_process():
    """With no threads there is room for no process at all, whoever owns the user id."""
    for own_uid in (True, False):
        assert limits_of(JOB, own_uid)["RLIMIT_NPROC"][0] == 0


def test_fixed_limits_allow_no_file_and_few_descriptors():
    """No byte can be written to a file, nothing is dumped, and descriptors are few."""

    def apply():
        rlimits.apply_fixed()
        return [
            resource.getrlimit(k)[1]
            for k in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NOFILE)
        ]

    assert in_a_fork(apply) == [0, 0, DESCRIPTORS]


def test_a_lower_limit_of_the_host_stays():
    """Where the host allows less than a job may use, the lower limit holds, and nothing fails."""

    def apply():
        resource.setrlimit(resource.RLIMIT_CPU, (7, 7))
        rlimits.apply(JOB, Footprint(0, 0), True)
        return resource.getrlimit(resource.RLIMIT_CPU)

    assert in_a_fork(apply) == [7, 7]


def test_without_a_footprint_memory_is_not_limited_by_addresses():
    """Where the zygote's size is unknown a limit of addresses would say nothing: there is none."""

    def apply():
        rlimits.apply(JOB, Footprint(0, 0), True)
        return resource.getrlimit(resource.RLIMIT_AS)

    assert in_a_fork(apply) == list(resource.getrlimit(resource.RLIMIT_AS))


def test_the_footprint_is_what_the_kernel_says():
    """Addresses hold the data, and both are whole pages."""
    found, page = rlimits.measure_footprint(), resource.getpagesize()
    assert found.addresses > found.data > 0
    assert found.addresses % page == found.data % page == 0


@given(st.integers(0, 1000))
def test_processes_are_limited_only_where_the_user_is_the_sandbox_s_own(threads):
    """The kernel counts all processes of a user: a shared user's limit would depend on what else it runs."""
    shared, own = rlimits._choose_process_limit(threads, False), rlimits._choose_process_limit(threads, True)
    assert shared == (0 if threads == 0 else None)
    assert own is not None
    assert own >= threads
