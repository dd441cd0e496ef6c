"""The loader as a host embeds it.

::

    async with PluginHost() as host:
        scraper = await host.load("acme-scraper", {"retries": 2}, base=ScraperPlugin)
        page = await scraper.scrape_content(ScrapingRequest(url="https://example.com"))

From a wheel's bytes to a callable object, one direction only: verify, store, environment, plan, worker, proxy. What
was verified is what is loaded. A plugin that crashes fails its own calls and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, overload

from theodore_loader.artifact.environment import ensure_environment
from theodore_loader.artifact.store import Store
from theodore_loader.config import prepare_config
from theodore_loader.errors import ConfigurationProblem, TierUnavailable, WorkerError
from theodore_loader.installed import Installed, InstalledPlugin
from theodore_loader.manifest import Manifest
from theodore_loader.paths import cache_dir, home_dir, private_dir
from theodore_loader.permissions import Permission
from theodore_loader.policy import Policy, capped, load_policy
from theodore_loader.proxies import proxy_for
from theodore_loader.sandbox.tier import Tier, available
from theodore_loader.supervise import access_log, own_state
from theodore_loader.supervise.launch import Launcher
from theodore_loader.supervise.plan import Plan
from theodore_loader.supervise.receipt import LoadReceipt
from theodore_loader.supervise.runtime import runtime_folder
from theodore_loader.supervise.surroundings import LogRecord, OnLog, Surroundings
from theodore_loader.supervise.worker import Worker, spawn_worker
from theodore_loader.supervise.zygote import launcher_for
from theodore_loader.trust.files import SignedFiles, read_signed
from theodore_loader.trust.receipts import Receipts
from theodore_loader.trust.trust_file import TrustFile
from theodore_loader.trust.verify import Verified, verify
from theodore_sdk.info import PermissionType, PluginInfo
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.ports import CATEGORY_BASES

Base = TypeVar("Base", bound=PluginInterface)

_log = logging.getLogger("theodore_loader.plugins")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A verified plugin with everything on disk that its worker imports."""

    manifest: Manifest
    grants: tuple[Permission, ...]
    roots: tuple[Path, ...]
    verification: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Loaded:
    worker: Worker
    proxy: PluginInterface
    receipt: LoadReceipt
    tmp: Path


class PluginHost:
    """Loads plugins and holds their workers; an async context manager that leaves no process behind.

    Args:
        home: state folder; default ``paths.home_dir()``.
        trust: whom to believe; default: the trust file in ``home``, read anew at each load.
        policy: what is allowed here; default: the policy ``default``.
        minimum_tier: weakest sandbox to accept; default: what the policy says. A weaker one than ``STANDARD`` is
            an explicit choice, and each receipt says what it does not hold.
        config_for: configurations by plugin name, for :meth:`load` without one.
        services: what plugins may resolve, by name: objects with ``async`` methods; each needs a ``registry`` grant.
        find_links: folders of wheels to install locked dependencies from, before the index is asked.
        on_log: gets every line of output and every log record of a plugin; default: logger
            ``theodore_loader.plugins``.

    """

    def __init__(
        self,
        *,
        home: Path | None = None,
        trust: TrustFile | None = None,
        policy: Policy | None = None,
        minimum_tier: Tier | None = None,
        config_for: Mapping[str, Mapping[str, Any]] | None = None,
        services: Mapping[str, object] | None = None,
        find_links: Sequence[Path] = (),
        on_log: OnLog | None = None,
    ) -> None:
        self._home = home or home_dir()
        self._trust = trust
        self._policy = policy or load_policy("default")
        self._minimum_tier = Tier[self._policy.minimum_tier.upper()] if minimum_tier is None else minimum_tier
        self._config_for = dict(config_for or {})
        self._services = dict(services or {})
        self._find_links = tuple(find_links)
        self._on_log = on_log or _to_logger
        self._loaded: dict[str, _Loaded] = {}
        self._loading: set[str] = set()
        self._launcher: Launcher | None = None
        self._closed = False

    async def __aenter__(self) -> PluginHost:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def install(self, wheel: Path) -> InstalledPlugin:
        """Verify a wheel, store it, make its environment, and remember it under its plugin's name.

        Raises:
            Refused: trust or policy says no; the rule is named.
            ConfigurationProblem: no such file, a damaged trust file, a dependency that cannot be fetched.

        """
        return await asyncio.to_thread(self._install, wheel)

    @overload
    async def load(self, name_or_wheel: str | Path, config: Mapping[str, Any] | None = None) -> PluginInterface: ...

    @overload
    async def load(
        self, name_or_wheel: str | Path, config: Mapping[str, Any] | None = None, *, base: Callable[..., Base]
    ) -> Base: ...  # a class; mypy refuses abstract ones where type[Base] is asked for (python/mypy#4717)

    async def load(
        self,
        name_or_wheel: str | Path,
        config: Mapping[str, Any] | None = None,
        *,
        base: Callable[..., PluginInterface] = PluginInterface,
    ) -> PluginInterface:
        """Return a plugin as an object that implements its category's base class.

        The stored bytes are verified again with the trust file and policy of this moment. ``config`` is checked
        against the plugin's schema and completed with its defaults. ``base`` is the base class the host counts on,
        for instance :class:`~theodore_sdk.ScraperPlugin`; a plugin of another category is not started.

        Raises:
            Refused: trust or policy says no.
            TierUnavailable: this machine cannot hold the plugin as strongly as demanded.
            ConfigurationProblem: not installed, loaded already, of another category than ``base``, or a configuration
                that does not fit.
            WorkerError, RemoteError, PluginPermissionError: starting the plugin failed.

        """
        await asyncio.to_thread(self._refuse_weak_machine)
        launcher, prepared = await asyncio.gather(
            self._ready_launcher(), asyncio.to_thread(self._prepare, name_or_wheel)
        )
        info = prepared.manifest.info
        if info.name in self._loaded or info.name in self._loading:
            raise ConfigurationProblem(f"{info.name} is loaded already", help="unload it first")
        _refuse_other_category(info, base)
        given = self._config_for.get(info.name, {}) if config is None else config
        settings = prepare_config(info.configuration_schema, given)
        self._loading.add(info.name)
        try:
            self._loaded[info.name] = loaded = await self._start(prepared, settings, launcher)
        except WorkerError as problem:
            if self._closed:
                raise _closed_while_loading(info) from problem
            raise
        finally:
            self._loading.discard(info.name)
        if self._closed:
            await self.unload(info.name)
            raise _closed_while_loading(info)
        return loaded.proxy

    async def unload(self, name: str) -> None:
        """Let a plugin clean up and end its worker."""
        loaded = self._loaded.pop(name, None)
        if loaded is None:
            raise ConfigurationProblem(f"{name} is not loaded", help=f"loaded: {', '.join(self._loaded) or 'none'}")
        await loaded.worker.close()
        await asyncio.to_thread(own_state.discard, loaded.tmp)

    def receipt(self, name: str) -> LoadReceipt:
        """Return how a loaded plugin runs: tier, layers, canaries, grants, timings.

        Raises:
            ConfigurationProblem: it is not loaded.

        """
        if name not in self._loaded:
            raise ConfigurationProblem(f"{name} is not loaded", help="a receipt exists while a plugin is loaded")
        return self._loaded[name].receipt

    def access_log(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the records of a plugin's access log, oldest first, of earlier loads too."""
        loaded = self._loaded.get(name)
        path = self._logs / f"{name}.access.jsonl" if loaded is None else loaded.worker.access_log.path
        return access_log.read(path)

    def accesses_since_load(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the records of a loaded plugin's access log that this load has written."""
        loaded = self._loaded.get(name)
        first = 0 if loaded is None else loaded.worker.access_log.first
        return (record for record in self.access_log(name) if record["seq"] >= first)

    async def close(self) -> None:
        """Let every plugin clean up, then end every worker and the zygote. One that is still loading ends with it."""
        self._closed = True
        names = list(self._loaded)
        try:
            await asyncio.gather(*(self.unload(name) for name in names))
        finally:
            if self._launcher is not None:
                await self._launcher.close()

    # verify → store → environment

    def _install(self, wheel: Path) -> InstalledPlugin:
        files = read_signed(wheel)
        verified = self._verified(files)
        self._refuse_reaching_own_state(verified)
        self._materialised(verified)
        info = verified.manifest.info
        return Installed(self._home).add(info.name, info.version, verified.wheel.sha256, files)

    def _prepare(self, name_or_wheel: str | Path) -> Prepared:
        verified = self._verified(self._signed_files(name_or_wheel))
        self._refuse_reaching_own_state(verified)
        _refuse_other_name(name_or_wheel, verified.manifest.info.name)
        return Prepared(
            manifest=verified.manifest,
            grants=verified.grants.permissions,
            roots=self._materialised(verified),
            verification=tuple(f"{step.number} {step.title}: {step.detail}" for step in verified.steps),
        )

    def _signed_files(self, name_or_wheel: str | Path) -> SignedFiles:
        if isinstance(name_or_wheel, Path) or name_or_wheel.endswith(".whl"):
            return read_signed(Path(name_or_wheel))
        installed = Installed(self._home)
        plugin = installed.get(name_or_wheel)
        return installed.signed(plugin, Store(self._home).open(plugin.sha256).wheel.data)

    def _verified(self, files: SignedFiles) -> Verified:
        return verify(
            data=files.data,
            filename=files.filename,
            bundle=files.bundle,
            attestations=files.attestations,
            trust=self._trust or TrustFile.of_home(self._home),
            policy=self._policy,
            receipts=Receipts(self._home),
        )

    def _refuse_reaching_own_state(self, verified: Verified) -> None:
        trust = () if self._trust is None else (self._trust.path.parent,)
        own_state.refuse_reaching((self._home, cache_dir(), *trust), verified.grants.permissions)

    def _materialised(self, verified: Verified) -> tuple[Path, ...]:
        """Put the verified bytes and the locked dependencies on disk; return the folders to import from."""
        stored = Store(self._home).add(verified.wheel)
        lock = verified.wheel.lock
        if lock is None:
            return (stored.path,)
        native = any(grant.type is PermissionType.NATIVE for grant in verified.grants.permissions)
        site = ensure_environment(
            lock, self._home, plugin=verified.wheel, allow_native=native, find_links=self._find_links
        )
        return stored.path, site

    # plan → worker → proxy

    def _refuse_weak_machine(self) -> None:
        offer = available(self._minimum_tier)
        if offer.tier < self._minimum_tier:
            raise TierUnavailable(
                f"this machine reaches sandbox tier {offer.tier.name.lower()},"
                f" {self._minimum_tier.name.lower()} is demanded: {'; '.join(offer.reasons)}",
                help="run on a kernel that offers it, or choose a weaker tier explicitly (minimum_tier)",
            )

    async def _ready_launcher(self) -> Launcher:
        """Return what starts the workers; a zygote gets ready while plugins are being verified."""
        runtime = await asyncio.to_thread(runtime_folder, self._home)
        if self._closed:
            raise ConfigurationProblem("this host is closed", help="make a new PluginHost")
        if self._launcher is None:
            self._launcher = launcher_for(runtime, self._minimum_tier)
        self._launcher.prepare()
        return self._launcher

    async def _start(self, prepared: Prepared, settings: Mapping[str, Any], launcher: Launcher) -> _Loaded:
        info = prepared.manifest.info
        tmp = Path(tempfile.mkdtemp(prefix=f"{info.name}-", dir=private_dir(self._home / "tmp")))
        own = self._home / "plugins" / info.name
        plan = Plan(
            manifest=prepared.manifest,
            grants=prepared.grants,
            limits=capped(info.resource_limits, self._policy, info.category),
            roots=prepared.roots,
            folders={"data": private_dir(own / "data"), "cache": private_dir(own / "cache"), "tmp": tmp},
            minimum_tier=self._minimum_tier,
            config=settings,
        )
        surroundings = Surroundings(self._logs, launcher.runtime, self._services, os.environ, self._on_log, launcher)
        try:
            worker = await spawn_worker(plan, surroundings)
        except BaseException:
            await asyncio.to_thread(own_state.discard, tmp)
            raise
        assert worker.receipt is not None  # noqa: S101 - a started worker has one
        receipt = replace(worker.receipt, verification=prepared.verification)
        return _Loaded(worker, proxy_for(worker.base, worker), receipt, tmp)

    @property
    def _logs(self) -> Path:
        return self._home / "logs"


def _closed_while_loading(info: PluginInfo) -> ConfigurationProblem:
    return ConfigurationProblem(f"the host was closed while {info.name} was loading")


def _refuse_other_name(asked: str | Path, found: str) -> None:
    """Hold what the record of installed plugins led to against the name asked for: the record is no evidence."""
    if isinstance(asked, str) and not asked.endswith(".whl") and asked != found:
        raise ConfigurationProblem(
            f"{asked} is recorded as installed, and the stored wheel is of {found}",
            help=f"install {asked} again, and find out who changed installed.json",
        )


def _refuse_other_category(info: PluginInfo, base: Callable[..., PluginInterface]) -> None:
    implemented = CATEGORY_BASES[info.category]
    if not (isinstance(base, type) and issubclass(implemented, base)):
        raise ConfigurationProblem(
            f"{info.name} is a {implemented.__name__}, and {getattr(base, '__name__', base)} is asked for",
            help="load a plugin of the category the host needs",
        )


def _to_logger(record: LogRecord) -> None:
    """Log a plugin's line with everything that is not printable escaped: it must not forge a second record."""
    _log.log(record.level, "%s %s: %s", record.plugin, _printable(record.source), _printable(record.text))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
