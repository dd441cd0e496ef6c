"""One trial call of a plugin, as ``theodore-plugin run`` makes it: load, call once, unload, account for everything."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theodore_loader.channel.methods import BadValueError, Method, methods_of
from theodore_loader.errors import ConfigurationProblem, LoaderError
from theodore_loader.host import PluginHost
from theodore_loader.policy import Policy
from theodore_loader.sandbox.tier import Tier
from theodore_loader.supervise.receipt import LoadReceipt
from theodore_loader.supervise.surroundings import LogRecord
from theodore_loader.trust.trust_file import TrustFile
from theodore_sdk.errors import PluginError
from theodore_sdk.plugin import PluginInterface

_MAX_ACCESSES = 1000
MAX_FILE = 4 * 1024 * 1024
"""A larger file of options or arguments is none, in bytes."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What to try. ``arguments`` are by parameter name, as JSON has them."""

    plugin: str
    method: str
    arguments: Mapping[str, Any]
    config: Mapping[str, Any]
    trust: TrustFile
    policy: Policy
    minimum_tier: Tier | None = None
    authorities: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: ``result``, or ``problem`` if the call did not return."""

    result: Any
    problem: LoaderError | PluginError | None
    receipt: LoadReceipt
    accesses: tuple[Mapping[str, Any], ...]
    logs: tuple[LogRecord, ...]
    load_seconds: float
    call_seconds: float


async def run(trial: Trial) -> Outcome:
    """Load the plugin, call the method once, unload it.

    Raises:
        ConfigurationProblem: no such method, or arguments that do not fit; the methods there are, are listed.
        LoaderError: the plugin could not be loaded.

    """
    logs: list[LogRecord] = []
    started = time.perf_counter()
    async with PluginHost(
        trust=trial.trust,
        policy=trial.policy,
        minimum_tier=trial.minimum_tier,
        authorities=trial.authorities,
        on_log=logs.append,
    ) as host:
        plugin = await _loaded(host, trial)
        name = plugin.get_plugin_info().name
        loaded = time.perf_counter()
        result, problem = await call(plugin, trial.method, trial.arguments)
        called = time.perf_counter()
        receipt = host.receipt(name)
        accesses = tuple(host.accesses_since_load(name))[-_MAX_ACCESSES:]
    return Outcome(result, problem, receipt, accesses, tuple(logs), loaded - started, called - loaded)


async def _loaded(host: PluginHost, trial: Trial) -> PluginInterface:
    wheel = Path(trial.plugin)
    return await host.load(wheel if wheel.suffix == ".whl" else trial.plugin, trial.config)


async def call(
    plugin: PluginInterface, name: str, arguments: Mapping[str, Any]
) -> tuple[Any, LoaderError | PluginError | None]:
    """Call a method with JSON-like arguments by name; return its result, or the problem if it did not return.

    Raises:
        ConfigurationProblem: no such method, or arguments that do not fit; the methods there are, are listed.

    """
    method = _method(plugin, name)
    typed = _typed(method, arguments)
    try:
        return await getattr(plugin, method.name)(**typed), None
    except ConfigurationProblem:
        raise
    except (LoaderError, PluginError) as problem:
        return None, problem


def _method(plugin: PluginInterface, name: str) -> Method:
    methods = methods_of(type(plugin).__mro__[1])
    if name not in methods:
        raise ConfigurationProblem(
            f"{plugin.get_plugin_info().name} has no method {name!r}", help=f"it has {', '.join(methods)}"
        )
    return methods[name]


def _typed(method: Method, arguments: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return method.decode_named(arguments)
    except (TypeError, BadValueError) as problem:
        raise ConfigurationProblem(
            f"the arguments do not fit {method.name}{method.signature}: {problem}",
            help="give arguments by name: --json '{\"request\": {…}}'",
        ) from None


def text_or_file(text: str) -> str:
    """Return ``text`` if it looks like JSON, else the content of the file it names."""
    if text.lstrip().startswith(("{", "[")):
        return text
    try:
        with Path(text).open("rb") as file:  # a pipe is welcome: whoever runs this wrote the name
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise ConfigurationProblem(f"{text} is larger than {MAX_FILE:,} bytes", help="no configuration is")
        return data.decode()
    except UnicodeDecodeError:
        raise ConfigurationProblem(f"{text} is not UTF-8", help="save it as UTF-8 JSON") from None
    except OSError as problem:
        raise ConfigurationProblem(
            f"{text!r} is neither JSON nor a readable file: {problem.strerror}",
            help="give '{\"key\": 1}' or a JSON file",
        ) from None


def json_object(text: str, option: str) -> dict[str, Any]:
    """Read a JSON object given as an option's value.

    Raises:
        ConfigurationProblem: it is none; the message says where.

    """
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except UnicodeEncodeError as problem:
        raise ConfigurationProblem(
            f"{option} holds {problem.object[problem.start]!r}, which stands for no character",
            help="write the other half of the surrogate pair, or leave it out",
        ) from None
    except ValueError as problem:
        raise ConfigurationProblem(f"{option} is not JSON: {problem}", help="quote it: '{\"key\": 1}'") from None
    except RecursionError:
        raise ConfigurationProblem(
            f"{option} is not JSON that can be read: it is nested too deeply", help="give a flatter value"
        ) from None
    if not isinstance(value, dict):
        raise ConfigurationProblem(f"{option} is not a JSON object", help="write '{\"key\": 1}'")
    return value
