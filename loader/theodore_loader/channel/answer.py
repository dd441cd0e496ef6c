"""What a caller awaits: the answer to one call, handed to it in the same turn of the event loop that read it.

A future would wake its task one turn later, which costs a small call a tenth of its time for nothing. This one is
settled from the reader's callback, where no task runs, and steps into the waiting task from there. Only coroutines of
this package await it; callers see ordinary coroutines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any

import msgspec  # noqa: TC002 - typing only, but one import style for the channel's types

from theodore_loader.channel.pending import Owner, Pending
from theodore_loader.channel.requests import Request
from theodore_loader.errors import ProtocolViolation

Wake = Callable[["PendingCall"], object]


class PendingCall(Pending):
    """A call with one answer. Awaited by one task, once; implements what ``asyncio.Task`` asks of a future.

    ``_loop`` is part of that: a task makes sure that it waits on its own loop, and asks for the attribute where there
    is no ``get_loop`` to call.
    """

    __slots__ = ("_asyncio_future_blocking", "_context", "_done", "_loop", "_problem", "_read", "_value", "_wake")

    def __init__(
        self,
        owner: Owner,
        number: int,
        request: Request,
        deadline: float,
        read: Callable[[msgspec.Raw], Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        # What Pending does, without the call: this is on the way of every call of every plugin.
        self._owner = owner
        self.number = number
        self._request = request
        self.deadline = deadline
        self._timed_out = None
        self._left = False
        self._read = read
        self._asyncio_future_blocking = False
        self._loop = loop
        self._done = False
        self._value: Any = None
        self._problem: BaseException | None = None
        self._wake: Wake | None = None
        self._context: Context | None = None

    # the channel's side

    def arrive(self, value: msgspec.Raw) -> None:
        """Read the value and wake the caller, in this very turn of the loop: never from within a task.

        Raises:
            ProtocolViolation: it is no value.

        """
        if self._timed_out is not None:
            self._settle(None, self._timeout("it was cancelled"), now=True)
        elif not self._done:
            try:
                read = self._read(value)
            except ProtocolViolation as violation:
                self.fail(violation)
                raise
            except ValueError as problem:
                self._settle(None, problem, now=True)
            else:
                self._done, self._value = True, read
                if self._context is not None and self._wake is not None:
                    self._context.run(self._wake, self)

    def _lose(self, problem: BaseException) -> None:
        self._settle(None, problem)  # in a later turn: this may be called from within any task

    def _settle(self, value: Any, problem: BaseException | None, *, now: bool = False) -> None:
        """Give the answer; the first one counts. ``now`` steps into the waiting task."""
        if self._done:
            return
        self._done, self._value, self._problem = True, value, problem
        wake, self._wake = self._wake, None
        if wake is None:
            return
        if now and self._context is not None:
            self._context.run(wake, self)
        else:
            self._loop.call_soon(wake, self, context=self._context)

    # the task's side

    def done(self) -> bool:
        """Return whether there is an answer."""
        return self._done

    def add_done_callback(self, wake: Wake, *, context: Context | None = None) -> None:
        """Remember whom to wake."""
        self._wake, self._context = wake, context

    def cancel(self, msg: object = None) -> bool:
        """Wake the waiting task with a cancellation and have the method stopped; what it answers finds nobody."""
        if self._done:
            return False
        self._lose(asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg))
        self.leave()
        return True

    def result(self) -> Any:
        """Return the value or raise the exception."""
        if self._problem is not None:
            raise self._problem
        return self._value

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait for the answer."""
        if not self._done:
            self._asyncio_future_blocking = True
            yield self
        if self._problem is not None:
            raise self._problem
        return self._value
