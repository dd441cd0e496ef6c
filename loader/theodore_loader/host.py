"""The loader as a host embeds it.

::

    async with PluginHost() as host:
        scraper = await host.load("acme-scraper", {"retries": 2}, base=ScraperPlugin)
        page = await scraper.scrape_content(ScrapingRequest(url="https://example.com"))

From a wheel's bytes to a callable object, one direction only: verify, store, environment (``preparation.py``), plan,
supervisor, proxy. What was verified is what is loaded. A plugin that crashes fails its own calls and nothing else, and
is started again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, overload

from theodore_loader.broker.limits import NetworkLimits, bounds_for
from theodore_loader.container import Bindings
from theodore_loader.errors import ConfigurationProblem, PluginUnavailable, TierUnavailable, WorkerError
from theodore_loader.host_log import log_event, log_line
from theodore_loader.installed import InstalledPlugin
from theodore_loader.paths import home_dir, refuse_unusable
from theodore_loader.policy import Policy, load_policy
from theodore_loader.preparation import Judged, Preparation, Prepared, Wanted
from theodore_loader.proxies import proxy_for
from theodore_loader.sandbox.tier import Tier
from theodore_loader.supervise import access_log
from theodore_loader.supervise.authorities import bundle_with
from theodore_loader.supervise.control import Control
from theodore_loader.supervise.life import OnEvent
from theodore_loader.supervise.meter.usage import DiskLimit
from theodore_loader.supervise.plugin_log import PluginLogs
from theodore_loader.supervise.receipt import LoadReceipt
from theodore_loader.supervise.settings import Supervision
from theodore_loader.supervise.status import PluginStatus
from theodore_loader.supervise.supervisor import Supervisor
from theodore_loader.supervise.surroundings import OnLog
from theodore_loader.supervise.telemetry import Telemetry
from theodore_loader.trust.decisions import RecordedPurpose
from theodore_loader.trust.files import SignedFiles
from theodore_loader.trust.pins import NO_CONSENT, Consent
from theodore_loader.trust.trust_file import TrustFile
from theodore_loader.trust.verify import Verified
from theodore_loader.upgrade import refuse_other_terms
from theodore_loader.workshop import Terms, Workshop
from theodore_sdk.info import PluginInfo
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.ports import CATEGORY_BASES

Base = TypeVar("Base", bound=PluginInterface)


@dataclass(slots=True)
class _Loaded:
    """A plugin of this host; ``prepared`` is what its present edition was made from."""

    supervisor: Supervisor
    proxy: PluginInterface
    prepared: Prepared
    config: Mapping[str, Any]
    reloading: asyncio.Lock = field(default_factory=asyncio.Lock)


class PluginHost:
    """Loads plugins and supervises their workers; an async context manager that leaves no process behind.

    Args:
        home: state folder; default ``paths.home_dir()``.
        trust: whom to believe; default: the trust file in ``home``, read anew at each load.
        policy: what is allowed here; default: the policy ``default``.
        minimum_tier: weakest sandbox to accept; default: what the policy says. A weaker one than ``STANDARD`` is
            an explicit choice, and each receipt says what it does not hold.
        config_for: configurations by plugin name, for :meth:`load` without one.
        container: where plugins loaded with ``bind`` are bound (``container.py``): a ``dependency_injector`` container,
            or a dict.
        services: what plugins may resolve, by name: objects with ``async`` methods; each needs a ``registry`` grant.
        find_links: folders of wheels to install locked dependencies from, before the index is asked.
        network: what each plugin's connections may do (``broker/limits.py``), within what the policy says of it.
        authorities: a file of certificates (PEM) that plugins' clients and ``http.fetch`` believe beside the system's.
        disk: what each plugin's folders may hold together.
        telemetry: exports the figures of loaded plugins through OpenTelemetry (``supervise/telemetry.py``).
        supervision: how workers are looked after; the defaults need no thought.
        on_log: gets every line of output and every log record of a plugin, which are kept on disk besides
            (``theodore-plugin logs``); default: logger ``theodore_loader.plugins``.
        on_event: gets what happens to plugins (started, crashed, quarantined, ...), on the event loop; default: logger
            ``theodore_loader.supervise``.

    Raises:
        ConfigurationProblem: ``home`` is no folder or cannot be written, or ``authorities`` holds no certificates.

    """

    def __init__(
        self,
        *,
        home: Path | None = None,
        trust: TrustFile | None = None,
        policy: Policy | None = None,
        minimum_tier: Tier | None = None,
        config_for: Mapping[str, Mapping[str, Any]] | None = None,
        container: object | None = None,
        services: Mapping[str, object] | None = None,
        find_links: Sequence[Path] = (),
        network: NetworkLimits | None = None,
        authorities: Path | None = None,
        disk: DiskLimit | None = None,
        telemetry: Telemetry | None = None,
        supervision: Supervision | None = None,
        on_log: OnLog | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        self._home = (home or home_dir()).absolute()
        refuse_unusable(self._home)
        policy = policy or load_policy("default")
        self._preparation = Preparation(self._home, trust, policy, find_links)
        self._config_for = dict(config_for or {})
        self._bindings = Bindings({} if container is None else container)
        self._telemetry = telemetry
        self._plugin_logs = PluginLogs(self._logs, on_log or log_line)
        self._control = Control(self._home, self.plugins)
        terms = Terms(
            home=self._home,
            policy=policy,
            minimum_tier=Tier[policy.minimum_tier.upper()] if minimum_tier is None else minimum_tier,
            services=dict(services or {}),
            network=bounds_for(network, policy.network_limits),
            authorities=None if authorities is None else bundle_with(authorities, self._home),
            disk=disk or DiskLimit(),
            supervision=supervision or Supervision(),
            on_log=self._plugin_logs,
            on_event=on_event or log_event,
        )
        self._workshop = Workshop(terms, self._preparation)
        self._loaded: dict[str, _Loaded] = {}
        self._loading: dict[str, Supervisor | None] = {}
        self._closed = False

    async def __aenter__(self) -> PluginHost:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def install(self, wheel: Path | SignedFiles, consent: Consent = NO_CONSENT) -> InstalledPlugin:
        """Verify a wheel, store it, make its environment, and remember it under its plugin's name.

        Over another version it goes by itself only if nothing in it reaches further (``difference.py``); ``consent``
        is for what does, and names the digest of the wheel that was looked at (:meth:`judge`).

        Raises:
            Refused: trust or policy says no; the rule is named.
            ConfigurationProblem: no such file, a damaged trust file, a dependency that cannot be fetched.

        """
        return await asyncio.to_thread(self._preparation.install, wheel, consent)

    async def judge(self, wheel: Path | SignedFiles, consent: Consent = NO_CONSENT) -> Verified:
        """Verify a wheel as for an installation, whatever was installed before; nothing is stored or remembered.

        Raises:
            Refused: trust or policy says no; the rule is named.
            ConfigurationProblem: no such file, or a damaged trust file.

        """
        return await asyncio.to_thread(self._preparation.judge, wheel, consent)

    async def verify_installed(self) -> tuple[Judged, ...]:
        """Decide about everything that is installed, for a host that wants to know at its start what it can load.

        Every plugin is judged and its bytes are hashed, as for :meth:`load`; a refusal is in the answer and keeps no
        other from being judged. Loading verifies again: the answer is no permission.

        Raises:
            ConfigurationProblem: the trust file or the record of installed plugins is damaged.

        """
        return await asyncio.to_thread(self._preparation.verify_installed)

    @overload
    async def load(
        self, name_or_wheel: str | Path, config: Mapping[str, Any] | None = None, *, bind: str | None = None
    ) -> PluginInterface: ...

    @overload
    async def load(
        self,
        name_or_wheel: str | Path,
        config: Mapping[str, Any] | None = None,
        *,
        base: Callable[..., Base],  # a class; mypy refuses abstract ones where type[Base] is asked for (mypy#4717)
        bind: str | None = None,
    ) -> Base: ...

    async def load(
        self,
        name_or_wheel: str | Path,
        config: Mapping[str, Any] | None = None,
        *,
        base: Callable[..., PluginInterface] = PluginInterface,
        bind: str | None = None,
    ) -> PluginInterface:
        """Return a plugin as an object that implements its category's base class.

        The stored bytes are verified again with the trust file and policy of this moment. ``config`` is checked
        against the plugin's schema and completed with its defaults. ``base`` is the base class the host counts on,
        for instance :class:`~theodore_sdk.ScraperPlugin`; a plugin of another category is not started.
        ``bind`` is the name in the host's container that gives the plugin until it is unloaded.

        Raises:
            Refused: trust or policy says no.
            TierUnavailable: this machine cannot hold the plugin as strongly as demanded.
            ConfigurationProblem: not installed, loaded already, of another category than ``base``, a configuration
                that does not fit, or a name that leads nowhere in the container.
            WorkerError, RemoteError, PluginPermissionError: starting the plugin failed.

        """
        prepared = await self._verified(name_or_wheel)
        info = prepared.info
        self._refuse_closed(info)
        await self._control.start()
        if info.name in self._loaded or info.name in self._loading:
            raise ConfigurationProblem(f"{info.name} is loaded already", help="unload it first")
        _refuse_other_category(info, base)
        given = self._config_for.get(info.name, {}) if config is None else config
        self._loading[info.name] = None
        try:
            self._loaded[info.name] = loaded = await self._start(prepared, given)
        except WorkerError as problem:
            if self._closed:
                raise _closed_while_loading(info) from problem
            raise
        finally:
            del self._loading[info.name]
        if self._closed:
            await self.unload(info.name)
        self._refuse_closed(info)
        if bind is not None:
            await self._bind(bind, loaded)
        return loaded.proxy

    async def reload(self, name: str, wheel: Path | None = None) -> LoadReceipt:
        """Exchange a loaded plugin for another version, while it works: no call fails because of it.

        ``wheel`` is verified like at :meth:`load`; without one, what is installed under ``name`` by now is taken. The
        new worker starts, is initialised with the configuration given to :meth:`load`, and says that it is healthy;
        then calls go to it, and the old one finishes those it has. Whatever fails, the old one stays in place.

        Raises:
            Refused: trust or policy says no; or another signer (``signer-changed``), an older version
                (``version-went-back``), terms that reach further (``upgrade-needs-consent``), unless exactly this wheel
                was installed; or a weaker sandbox than the running worker has.
            ConfigurationProblem: not loaded, another plugin's wheel, or a configuration that no longer fits.
            WorkerError, RemoteError, PluginPermissionError: the new worker failed.

        """
        loaded = self._get(name)
        async with loaded.reloading:
            wanted = Wanted("reload", partial(refuse_other_terms, loaded.prepared))
            prepared = await asyncio.to_thread(self._preparation.prepare, wheel or name, wanted)
            edition = self._workshop.edition(prepared, loaded.config, loaded.supervisor.receipt.tier)
            with self._refusal_recorded(prepared, "reload"):
                receipt = await loaded.supervisor.swap(edition)
            loaded.prepared = prepared
            return receipt

    async def release(self, name: str) -> None:
        """Start a plugin again that is quarantined, or was revoked and is not any more.

        Raises:
            ConfigurationProblem: not loaded, or neither quarantined nor revoked.
            LoaderError, PluginError: it could not be started, and stays in quarantine.

        """
        await self._get(name).supervisor.release()

    async def unload(self, name: str) -> None:
        """Let a plugin finish its calls and clean up, and end its worker."""
        loaded = self._get(name)
        del self._loaded[name]
        self._export_no_more(name)
        self._bindings.unbind(loaded.proxy)
        await loaded.supervisor.close()

    def plugins(self) -> tuple[PluginStatus, ...]:
        """Return every loaded plugin as it is now, by name."""
        return tuple(self._loaded[name].supervisor.status() for name in sorted(self._loaded))

    def receipt(self, name: str) -> LoadReceipt:
        """Return how a loaded plugin runs: tier, layers, canaries, grants, timings.

        Raises:
            ConfigurationProblem: it is not loaded.

        """
        return self._get(name).supervisor.receipt

    def access_log(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the records of a plugin's access log, oldest first, of earlier loads too."""
        loaded = self._loaded.get(name)
        path = self._logs / f"{name}.access.jsonl" if loaded is None else loaded.supervisor.access_log.path
        return access_log.read(path)

    def accesses_since_load(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the records of a loaded plugin's access log since it was loaded, of all its workers."""
        loaded = self._loaded.get(name)
        first = 0 if loaded is None else loaded.supervisor.access_log.first
        return (record for record in self.access_log(name) if record["seq"] >= first)

    async def close(self) -> None:
        """Let every plugin finish its calls and clean up, all at once; then end every worker and the zygote.

        It takes as long as ``supervision.drain_seconds`` and a plugin's ``cleanup`` at most. A plugin that is still
        loading ends at once.
        """
        self._closed = True
        everyone = [*(loaded.supervisor for loaded in self._loaded.values()), *filter(None, self._loading.values())]
        for name in self._loaded:
            self._export_no_more(name)
        self._loaded.clear()
        self._bindings.clear()
        try:
            # every one of them, also where the caller does not wait any longer: see Supervisor.close
            await asyncio.gather(*(supervisor.close() for supervisor in everyone), return_exceptions=True)
        finally:
            await self._workshop.close()
            await self._control.close()
            self._plugin_logs.close()
            await asyncio.to_thread(self._preparation.flush)

    async def _verified(self, name_or_wheel: str | Path) -> Prepared:
        """Verify a plugin, and get a launcher ready meanwhile. Raises what the verification raised before the rest.

        A machine that is too weak is found by both, and only what refuses a plugin goes into the record.
        """
        wanted = Wanted(demand=lambda _: self._workshop.refuse_weak_machine())
        ready = asyncio.create_task(self._workshop.ready())
        try:
            prepared = await asyncio.to_thread(self._preparation.prepare, name_or_wheel, wanted)
        except BaseException:
            ready.cancel()
            await asyncio.gather(ready, return_exceptions=True)
            raise
        await ready
        return prepared

    @contextmanager
    def _refusal_recorded(self, prepared: Prepared, purpose: RecordedPurpose) -> Iterator[None]:
        """Add to the record that an accepted plugin is refused after all, by how little holds its worker."""
        try:
            yield
        except TierUnavailable as problem:
            self._preparation.refuse(prepared, purpose, problem)
            raise

    async def _start(self, prepared: Prepared, config: Mapping[str, Any]) -> _Loaded:
        supervisor = self._workshop.supervisor(prepared, config)
        self._loading[prepared.info.name] = supervisor
        if self._closed:
            await supervisor.close()
            raise PluginUnavailable("this host is closed", help="make a new PluginHost")
        with self._refusal_recorded(prepared, "load"):
            await supervisor.start()
        if self._telemetry is not None:
            self._telemetry.add(supervisor.metrics)
        return _Loaded(supervisor, proxy_for(supervisor.base, supervisor), prepared, config)

    def _export_no_more(self, name: str) -> None:
        if self._telemetry is not None:
            self._telemetry.remove(name)

    async def _bind(self, name: str, loaded: _Loaded) -> None:
        try:
            self._bindings.bind(name, loaded.proxy)
        except ConfigurationProblem:
            await self.unload(loaded.prepared.info.name)
            raise

    def _refuse_closed(self, info: PluginInfo) -> None:
        if self._closed:
            raise _closed_while_loading(info)

    def _get(self, name: str) -> _Loaded:
        if name not in self._loaded:
            raise ConfigurationProblem(f"{name} is not loaded", help=f"loaded: {', '.join(self._loaded) or 'none'}")
        return self._loaded[name]

    @property
    def _logs(self) -> Path:
        return self._home / "logs"


def _closed_while_loading(info: PluginInfo) -> ConfigurationProblem:
    return ConfigurationProblem(f"the host was closed while {info.name} was loading", help="make a new PluginHost")


def _refuse_other_category(info: PluginInfo, base: Callable[..., PluginInterface]) -> None:
    implemented = CATEGORY_BASES[info.category]
    if not (isinstance(base, type) and issubclass(implemented, base)):
        raise ConfigurationProblem(
            f"{info.name} is a {implemented.__name__}, and {getattr(base, '__name__', base)} is asked for",
            help="load a plugin of the category the host needs",
        )
