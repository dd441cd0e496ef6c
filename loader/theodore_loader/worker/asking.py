"""What asks the host for connections on behalf of the plugin's line that needs one."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Final

from theodore_loader.channel.failures import relative_to
from theodore_loader.permissions import Permission
from theodore_loader.worker.calls import waiting_line
from theodore_loader.worker.dialer import Dialer
from theodore_sdk.errors import PluginPermissionError

MAX_REMEMBERED: Final = 256


class WorkerBroker:
    """What the patched functions share; one per process."""

    def __init__(self, dialer: Dialer, grants: Sequence[Permission], roots: Sequence[str]) -> None:
        self.dialer = dialer
        self._grants = tuple(grants)
        self._roots = tuple(roots)
        self._granted: set[tuple[str, int]] = set()

    def may_dial(self, host: str, port: int) -> bool:
        """Say whether asking has a chance; the host decides, and logs what it refuses."""
        if (host, port) in self._granted:
            return True
        granted = any(grant.allows_host(host, port) for grant in self._grants)
        if granted and len(self._granted) < MAX_REMEMBERED:
            self._granted.add((host, port))
        return granted

    def refuse(self, permission: str, resource: str) -> PluginPermissionError:
        """Return a denial that names the plugin's line."""
        return PluginPermissionError(permission, resource, location=self.caller(), enforced_by="broker")

    def located(self, problem: Exception) -> Exception:
        """Return ``problem``; a denial gets the plugin's line."""
        if isinstance(problem, PluginPermissionError) and problem.location is None:
            return self.refuse(problem.permission, problem.resource)
        return problem

    def caller(self) -> str | None:
        """Return ``file:line`` of the plugin: its innermost frame on this thread, else its coroutine that waits."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            relative = relative_to(frame.f_code.co_filename, self._roots[:1])
            if relative is not None:
                return f"{relative}:{frame.f_lineno}"
            frame = frame.f_back
        return waiting_line(self._roots[0]) if self._roots else None

    def connected(self, host: str, port: int, seconds: float | None) -> int:
        """Return a connected descriptor; blocks."""
        try:
            return self.dialer.connect(host, port, seconds, self.caller())
        except Exception as problem:
            raise self.located(problem) from None


_broker: WorkerBroker | None = None


def the_broker() -> WorkerBroker:
    """Return this process's broker; an ``OSError`` where it has none."""
    if _broker is None:
        raise OSError(errno.ENETDOWN, "this process has no broker")
    return _broker


def use(dialer: Dialer, grants: Sequence[Permission], roots: Sequence[str]) -> None:
    """Give this process its broker."""
    global _broker
    _broker = WorkerBroker(dialer, grants, roots)


def plugin_line() -> str | None:
    """Return the plugin's ``file:line`` that asks for something now."""
    return _broker.caller() if _broker is not None else None
