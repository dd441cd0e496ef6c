"""The recorder itself: an audit hook and wrapped ``os.environ`` methods that collect facts.

Reading ``f_code`` raises an audit event of its own (``object.__getattr__``), once per frame: that event returns
at once, and the hook never records what it causes itself. Names other than loopback are refused after having been
recorded, so that nothing recorded ever leaves the machine.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from recording.events import Act, act_of
from recording.frames import Attribution, Attributor, Kind, runs_a_call
from recording.noise import Folders, is_noise, is_standard_module

LOOPBACK = ("127.", "::1", "localhost")
_REFUSED = {"socket.getaddrinfo": socket.gaierror, "socket.connect": OSError, "socket.sendto": OSError}


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """One function exercising one permission in one phase; kept with the first value seen and who acted."""

    function: str
    permission: str
    access: str
    phase: str
    through: str


@dataclass(slots=True)
class Recorder:
    """Collects facts of one process."""

    attributor: Attributor
    folders: Folders
    facts: dict[Fact, tuple[str, str]] = field(default_factory=dict)
    creators: dict[int, Attribution] = field(default_factory=dict)
    """Who started a thread: what a pool does for the package counts as done by it."""
    _busy: threading.local = field(default_factory=threading.local)

    def install(self) -> None:
        """Watch this process from now on; an audit hook cannot be removed again."""
        _wrap_environment(self._environment_read)
        _wrap_sockets(self._connecting)
        _wrap_import_module(self._importing)
        _wrap_threads(self)
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "object.__getattr__" or getattr(self._busy, "now", False):
            return
        self._busy.now = True
        try:
            frame = sys._getframe(1)
            act = self._imported(frame, arguments) if event == "import" else act_of(event, arguments)
            if act is not None:
                self._record(act, frame)
        finally:
            self._busy.now = False
        _refuse(event, arguments)

    def _environment_read(self, name: str) -> None:
        self._unaudited(Act("environment", "read", name), sys._getframe(2))

    def _connecting(self, address: Any) -> None:
        act = act_of("socket.connect", (None, address))
        if act is not None:
            self._unaudited(act, sys._getframe(2))

    def _importing(self, name: str) -> None:
        frame = sys._getframe(2)
        place = self.attributor.place(frame.f_code.co_filename)
        # resources are found by importing their package; entry points are somebody's choice
        internal = place.kind is Kind.STANDARD and place.path != "importlib/metadata/__init__.py"
        if not internal and _is_chosen(name, frame):
            self._unaudited(Act("dynamic_code", "import", name), frame)

    def _unaudited(self, act: Act, frame: FrameType) -> None:
        if not getattr(self._busy, "now", False):
            self._busy.now = True
            try:
                self._record(act, frame)
            finally:
                self._busy.now = False

    def _record(self, act: Act, frame: FrameType | None) -> None:
        who = self.attributor.attribute(frame) or self.creators.get(threading.get_ident())
        if who is None:
            return
        if act.permission == "filesystem":
            act = act._replace(value=self.folders.labelled(os.path.abspath(act.value)))
        if not is_noise(act, who):
            fact = Fact(who.function, act.permission, act.access, who.phase, who.through)
            self.facts.setdefault(fact, (act.value, f"{who.nearest.path}:{who.nearest_function}"))

    def _imported(self, frame: FrameType | None, arguments: tuple[Any, ...]) -> Act | None:
        """An extension module is native code; a module named at run time is dynamic code."""
        module, filename = arguments[0], arguments[1]
        if filename:
            place = self.attributor.place(filename)
            return None if place.kind is Kind.STANDARD else Act("native", "import", module)
        caller = _caller(frame, self.attributor)
        asked = caller is not None and runs_a_call(caller) and _is_chosen(module, caller)
        return Act("dynamic_code", "import", module) if asked else None


def _caller(frame: FrameType | None, attributor: Attributor) -> FrameType | None:
    """Return who asked for an import, ``None`` if it is the standard library."""
    while frame is not None:
        place = attributor.place(frame.f_code.co_filename)
        if place.kind is not Kind.MACHINERY and place.path != "importlib/__init__.py":
            return None if place.kind is Kind.STANDARD else frame
        frame = frame.f_back
    return None


def _is_chosen(module: str, caller: FrameType) -> bool:
    """Whether a module's name is made at run time: written out in the calling code, it is an import like any other.

    C code imports modules of the standard library (``_strptime``) while other code calls it: those do not count.
    """
    constants = caller.f_code.co_consts
    written = module in constants or any(isinstance(item, tuple) and module in item for item in constants)
    return not written and not is_standard_module(module)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "os.exec":
        raise OSError(1, "the recorder would be replaced before it has written anything")
    problem = _REFUSED.get(event)
    if problem is None:
        return
    address = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
    host = address[0] if isinstance(address, tuple) else address
    host = os.fsdecode(host) if isinstance(host, (str, bytes)) else ""
    if host and not host.startswith(LOOPBACK) and not host.startswith("/"):
        raise problem(101, f"the network is off while recording: {host}")


def _wrap_environment(report: Callable[[str], None]) -> None:
    """Environment reads raise no audit event (measured on 3.11 to 3.14)."""
    kind: Any = type(os.environ)
    get, iterate = kind.__getitem__, kind.__iter__

    def getitem(self: Any, key: Any) -> Any:
        report(os.fsdecode(key))
        return get(self, key)

    def iterator(self: Any) -> Any:
        report("*")
        return iterate(self)

    kind.__getitem__, kind.__iter__ = getitem, iterator


def _wrap_sockets(report: Callable[[Any], None]) -> None:
    """A host name is resolved before ``socket.connect`` is audited: without a network the event never comes."""
    kind: Any = socket.socket
    for name in ("connect", "connect_ex"):
        original = getattr(kind, name)

        def connecting(self: Any, address: Any, original: Any = original) -> Any:
            report(address)
            return original(self, address)

        setattr(kind, name, connecting)


def _wrap_import_module(report: Callable[[str], None]) -> None:
    """``importlib.import_module`` is Python code that raises no import event; ``__import__`` and statements do."""
    original = importlib.import_module

    def import_module(name: str, package: str | None = None) -> Any:
        report(name)
        return original(name, package)

    importlib.import_module = import_module


def _wrap_threads(recorder: Recorder) -> None:
    start = threading.Thread.start

    def remembering(self: threading.Thread) -> None:
        frame = sys._getframe(1)
        who = recorder.attributor.attribute(frame) or recorder.creators.get(threading.get_ident())
        run = self.run

        def attributed() -> None:
            if who is not None:
                recorder.creators[threading.get_ident()] = who
            run()

        self.run = attributed  # type: ignore[method-assign]
        start(self)

    threading.Thread.start = remembering  # type: ignore[method-assign]
