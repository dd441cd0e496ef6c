"""One development session: a plugin of a source tree, started, called, and exchanged when the tree changes.

It is supervised as in a host and confined as in a host, and no host takes part: a host's loader runs what is signed.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from theodore_loader.broker.limits import bounds_for
from theodore_loader.errors import LoaderError
from theodore_loader.paths import home_dir
from theodore_loader.proxies import proxy_for
from theodore_loader.supervise import access_log
from theodore_loader.supervise.authorities import bundle_with
from theodore_loader.supervise.control import Control
from theodore_loader.supervise.edition import Edition
from theodore_loader.supervise.receipt import LoadReceipt
from theodore_loader.supervise.runtime import runtime_folder
from theodore_loader.supervise.status import Event
from theodore_loader.supervise.supervisor import Supervisor
from theodore_loader.supervise.surroundings import LogRecord, Surroundings
from theodore_loader.supervise.temporary import TemporaryFolders
from theodore_loader.supervise.zygote import launcher_for
from theodore_plugin.dev.tree import Tree, edition_of
from theodore_plugin.trial import Outcome, call
from theodore_sdk.errors import PluginError

Changes = Iterable[frozenset[Path]]


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told what, on the event loop.

    ``kept`` comes when a tree could not be started: what ran before runs on; ``waiting`` before each wait for a change.
    """

    ready: Callable[[LoadReceipt, float], None]
    changed: Callable[[frozenset[Path]], None]
    kept: Callable[[BaseException], None]
    answered: Callable[[Outcome], None]
    waiting: Callable[[], None]
    log: Callable[[LogRecord], None]
    event: Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to do: run ``tree``, call ``method`` (if any) with ``arguments`` after each start."""

    tree: Tree
    method: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


async def run(wanted: Wanted, told: Told, changes: Changes | None = None) -> None:
    """Start the plugin and call it; with ``changes`` do so again after each, until the caller is cancelled.

    Raises:
        LoaderError, PluginError, OSError: the first start failed, and there is nothing to watch for.

    """
    session = _Session(wanted, told)
    try:
        await session.begin(wait=changes is not None)
        if changes is not None:
            told.waiting()
            async for paths in _from_thread(changes):
                told.changed(paths)
                await session.exchange()
                told.waiting()
    finally:
        await session.end()


class _Session:
    def __init__(self, wanted: Wanted, told: Told) -> None:
        self._wanted, self._told = wanted, told
        self._home = wanted.tree.home
        self._temporary = TemporaryFolders(self._home)
        self._copies = TemporaryFolders(self._home / "trees")  # those of a session that was killed go with the next
        self._launcher = launcher_for(runtime_folder(self._home), wanted.tree.tier)
        own = wanted.tree.authorities
        self._surroundings = Surroundings(
            self._home / "logs",
            self._launcher.runtime,
            {},
            os.environ,
            told.log,
            self._launcher,
            network=bounds_for(None, wanted.tree.policy.network_limits),
            authorities=None if own is None else bundle_with(own, self._home),
        )
        self._supervisor: Supervisor | None = None
        self._control = Control(home_dir(), self._statuses)

    def _statuses(self) -> tuple[Any, ...]:
        return () if self._supervisor is None else (self._supervisor.status(),)

    async def begin(self, *, wait: bool) -> None:
        await self._control.start()
        try:
            await self._start()
        except (LoaderError, PluginError, OSError) as problem:
            if not wait:
                raise
            self._told.kept(problem)

    async def exchange(self) -> None:
        """Start what the tree holds now; what is wrong with it is told, and the old one stays."""
        try:
            await self._start()
        except (LoaderError, PluginError, OSError) as problem:
            self._told.kept(problem)

    async def end(self) -> None:
        if self._supervisor is not None:
            await self._supervisor.close()
        await self._control.close()
        await self._launcher.close()
        await asyncio.to_thread(self._clear)

    async def _start(self) -> None:
        edition = await asyncio.to_thread(lambda: edition_of(self._wanted.tree, self._copies.fresh("tree")))
        started = time.perf_counter()
        receipt = await self._started(edition)
        self._told.ready(receipt, time.perf_counter() - started)
        if self._wanted.method is not None:
            await self._call(self._wanted.method, receipt, time.perf_counter() - started)

    async def _started(self, edition: Edition) -> LoadReceipt:
        if self._supervisor is not None and self._supervisor.name == edition.plan.name:
            return await self._supervisor.swap(edition)
        fresh = Supervisor(edition, self._surroundings, temporary=self._temporary, on_event=self._told.event)
        try:
            await fresh.start()
        except BaseException:
            await fresh.close()
            raise
        if self._supervisor is not None:  # it has another name now
            await self._supervisor.close()
        self._supervisor = fresh
        assert fresh.worker is not None  # noqa: S101 - a started plugin has one
        assert fresh.worker.receipt is not None  # noqa: S101
        return fresh.worker.receipt

    async def _call(self, method: str, receipt: LoadReceipt, load_seconds: float) -> None:
        assert self._supervisor is not None  # noqa: S101 - it has just been started
        log = self._supervisor.access_log
        first = log.last + 1
        plugin = proxy_for(self._supervisor.base, self._supervisor)
        started = time.perf_counter()
        result, problem = await call(plugin, method, self._wanted.arguments)
        seconds = time.perf_counter() - started
        accesses = tuple(record for record in access_log.read(log.path) if record["seq"] >= first)
        self._told.answered(Outcome(result, problem, receipt, accesses, (), load_seconds, seconds))

    def _clear(self) -> None:
        self._temporary.close()
        self._copies.close()


async def _from_thread(changes: Changes) -> AsyncIterator[frozenset[Path]]:
    """Yield what a blocking iterator yields. Its thread ends with the process: it may wait for a change for ever."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[frozenset[Path] | BaseException] = asyncio.Queue()

    def watch() -> None:
        try:
            for paths in changes:
                loop.call_soon_threadsafe(queue.put_nowait, paths)
        except BaseException as problem:  # whatever it is, the session has to hear of it
            loop.call_soon_threadsafe(queue.put_nowait, problem)

    threading.Thread(target=watch, name="theodore-watch", daemon=True).start()
    while True:
        found = await queue.get()
        if isinstance(found, BaseException):
            raise found
        if found:  # the first one says that everything is under watch
            yield found
