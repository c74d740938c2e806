"""The host's exchange with one child.

Sends, waits, measures, and trusts nothing it reads.
"""

import os
import secrets
import select
import time

from gapsmith.sandbox import frames
from gapsmith.sandbox.endings import Stopped, read_report
from gapsmith.sandbox.frames import BadFrame, FrameBuffer, OversizeFrame
from gapsmith.sandbox.job import Answer, Call, Ending, Limits
from gapsmith.sandbox.launch import Spare

_CHUNK = 262_144
CROWD = 20.0
"""Wall seconds that a program gets for every CPU second that it uses, as if 20 programs shared its core."""
_SHORTEST_LOOK = 0.001


class ChannelClosed(Exception):
    """The child's end of the job socket is gone.

    It has ended, or closed it.
    """


class Pipe:
    """One of the child's output streams: counts everything, keeps the first part."""

    def __init__(self, descriptor: int, keep: int) -> None:
        self.descriptor = descriptor
        self.count = 0
        self._keep = keep
        self._kept = bytearray()

    def drain(self) -> bool:
        """Reads what is there. Returns False when the stream has ended."""
        try:
            data = os.read(self.descriptor, _CHUNK)
        except BlockingIOError:
            return True
        self.count += len(data)
        self._kept += data[: max(0, self._keep - len(self._kept))]
        return bool(data)

    @property
    def text(self) -> str:
        """The part that was kept."""
        return self._kept.decode("utf-8", "replace")


class Conversation:
    """Exchanges frames with a child, within a call's limits.

    One exchange at a time.
    """

    def __init__(self, spare: Spare, limits: Limits) -> None:
        self.pipes = (Pipe(spare.out, limits.output_bytes), Pipe(spare.err, limits.output_bytes))
        self._spare = spare
        self._limits = limits
        self._buffer = FrameBuffer()
        self._outgoing = memoryview(b"")
        self.begun = self._asked = False
        self._received = 0
        self._poll = select.poll()
        for descriptor in (spare.job.fileno(), spare.out, spare.err):
            self._poll.register(descriptor, select.POLLIN)

    def load(self, job: bytes, more_seconds: float = 0.0) -> None:
        """Sends the program and waits until its module is loaded.

        It has the limits of a call, and `seconds` more. Raises Stopped or ChannelClosed.
        """
        self._begin(frames.build_frame(frames.JOB, job))
        self._seconds += more_seconds
        self._await(frames.READY + frames.ERROR, 0)
        self.begun = True
        self._await(frames.LOADED + frames.ERROR, 0)
        self._expect_end()

    def ask(self, call: Call) -> Answer:
        """Makes one call and returns its answer. Raises Stopped or ChannelClosed."""
        begun = self._spare.clock.read()
        payload, used = self._call(call, frames.RESULT, self._limits.result_bytes - self._received)
        self._received += len(payload) if self._limits.together else 0
        try:
            return Answer(frames.decode_json(payload), self._start_cpu + used - begun)
        except ValueError as error:
            raise Stopped(Ending.MALFORMED_RESULT, f"the result cannot be used: {error}") from None

    def compile(self, call: Call, most: int) -> bytes:
        """Makes one call of a program that compiles; returns its machine code.

        The bytes are untrusted and unread. Raises Stopped or ChannelClosed.
        """
        return self._call(call, frames.CODE, most)[0]

    def _call(self, call: Call, kind: bytes, most: int) -> tuple[bytes, float]:
        """Makes one call with a payload of limited size.

        Returns the payload and the CPU seconds counted so far.
        """
        token = secrets.token_bytes(frames.TOKEN_BYTES)
        self._begin(frames.build_frame(frames.CALL, token + frames.encode_call(call)), self._asked)
        self._asked = self._limits.together
        payload = self._await(kind + frames.ERROR, most + frames.TOKEN_BYTES, token)
        used = self._read_used_cpu()
        if used > self._seconds:
            raise self._late(used)
        self._expect_end()
        return payload, used

    def _begin(self, outgoing: bytes, go_on: bool = False) -> None:
        """Sends a frame and starts the count of time and output.

        With `go_on` the count goes on from an earlier call.
        """
        self._seconds = self._limits.cpu_seconds
        if not go_on:
            self._start_cpu = self._spare.clock.read()
            self._deadline = time.monotonic() + self._limits.wall_seconds
            self._output = sum(pipe.count for pipe in self.pipes)
        self._late_once = False
        self._outgoing = memoryview(outgoing)
        self._send()

    def _read_used_cpu(self) -> float:
        return self._spare.clock.read() - self._start_cpu

    def _await(self, expected: bytes, limit: int, token: bytes = b"") -> bytes:
        while True:
            found = self._take(expected, limit)
            if found is not None:
                kind, payload = found
                if payload[: len(token)] != token:
                    raise Stopped(Ending.PROTOCOL_VIOLATION, "it answered a call that has not been made")
                if kind == frames.ERROR:
                    raise read_report(payload[len(token) :], trusted=not self.begun)
                return payload[len(token) :]
            self._wait()

    def _take(self, expected: bytes, limit: int) -> tuple[bytes, bytes] | None:
        try:
            return self._buffer.take(expected, limit)
        except OversizeFrame as error:
            raise Stopped(Ending.RESULT_TOO_LARGE, f"the result is too large: {error}") from None
        except BadFrame as error:
            raise Stopped(Ending.PROTOCOL_VIOLATION, str(error)) from None

    def _expect_end(self) -> None:
        if len(self._buffer):
            raise Stopped(Ending.PROTOCOL_VIOLATION, "it sent more data than was requested")

    def _wait(self) -> None:
        """Sleeps until something arrives or a limit can be exceeded."""
        used = self._read_used_cpu()
        if used > self._seconds:
            raise self._late(used)
        left = self._left(used)
        rest = (self._seconds - used) / (1 + self._limits.threads)
        timeout = max(_SHORTEST_LOOK, min(left, rest)) * 1000 + 1 if left > 0 else 0
        arrived = self._poll.poll(timeout)
        # Data that arrived while this process itself had no core is accepted, once.
        late, self._late_once = self._late_once, left <= 0
        if left <= 0 and (late or not arrived):
            raise Stopped(Ending.TIMEOUT_WALL, f"no answer after {self._limits.wall_seconds:g} s of waiting")
        for descriptor, events in arrived:
            self._handle(descriptor, events)

    def _left(self, used: float) -> float:
        """Returns the wall seconds until the child is stopped for being idle.

        CPU time that it used extends the deadline, and so does time for which it could have run but had no
        core.
        """
        left = self._deadline + CROWD * used - time.monotonic()
        return left if left > 0 else left + self._spare.clock.read_starved_seconds()

    def _late(self, used: float) -> Stopped:
        limit = self._seconds
        return Stopped(
            Ending.TIMEOUT_CPU, f"stopped after {used:.2f} s of CPU time; the limit is {limit:g} s"
        )

    def _handle(self, descriptor: int, events: int) -> None:
        if descriptor == self._spare.job.fileno():
            if events & select.POLLOUT:
                self._send()
            if events & ~select.POLLOUT:
                self._receive()
        else:
            self._drain(descriptor)

    def _send(self) -> None:
        try:
            while self._outgoing:
                self._outgoing = self._outgoing[self._spare.job.send(self._outgoing) :]
        except BlockingIOError:
            pass
        except OSError as error:
            raise ChannelClosed from error
        self._poll.modify(self._spare.job.fileno(), select.POLLIN | (select.POLLOUT if self._outgoing else 0))

    def _receive(self) -> None:
        try:
            data = self._spare.job.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            raise ChannelClosed from error
        if not data:
            raise ChannelClosed
        self._buffer.feed(data)

    def _drain(self, descriptor: int) -> None:
        pipe = next(pipe for pipe in self.pipes if pipe.descriptor == descriptor)
        if not pipe.drain():
            self._poll.unregister(descriptor)
        if sum(pipe.count for pipe in self.pipes) - self._output > self._limits.output_bytes:
            limit = self._limits.output_bytes
            raise Stopped(Ending.OUTPUT_FLOOD, f"it printed more than {limit} bytes in one call")

    def drain_all(self) -> None:
        """Reads what an ended child left in its pipes, within bounds."""
        for pipe in self.pipes:
            before = -1
            while pipe.count != before and pipe.count <= 4 * self._limits.output_bytes:
                before = pipe.count
                pipe.drain()
