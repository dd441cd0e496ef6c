"""The user's package indexes, as pip is configured and as ``UV_*`` variables say, for a resolver that is not pip.

pip itself is asked (``pip config list``), so its files, their order and its ``PIP_*`` variables mean what they mean to
pip. Of its sections ``[global]`` and ``[download]`` count: the ones a host's ``pip download`` of the locked files
reads. What ``UV_*`` says wins, setting by setting. Nothing of the project under the lock is looked at.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from theodore_loader.errors import ConfigurationProblem

PUBLIC_INDEX = "https://pypi.org/simple"
_SECONDS = 60
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})
_SECTIONS = ("global", "download", ":env:")  # the later one wins


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Where distributions come from. Addresses may hold credentials, so nothing of this is ever shown."""

    index: str = field(default=PUBLIC_INDEX, repr=False)
    extra_indexes: tuple[str, ...] = field(default=(), repr=False)
    find_links: tuple[str, ...] = field(default=(), repr=False)
    no_index: bool = False
    strategy: str = "unsafe-best-match"
    """How several indexes are asked; by default as pip asks them: all of them, and the best version counts."""
    trusted_hosts: tuple[str, ...] = ()
    certificate: str | None = None
    client_certificate: str | None = None
    proxy: str | None = field(default=None, repr=False)
    timeout: int | None = None
    """Seconds a connection may be silent."""

    @property
    def indexes(self) -> tuple[str, ...]:
        """Every index in the order in which they are asked."""
        if self.no_index:
            return ()
        if self.strategy == "first-index":  # the resolver's own order: what is extra comes first
            return (*self.extra_indexes, self.index)
        return (self.index, *self.extra_indexes)

    @property
    def local_paths(self) -> tuple[str, ...]:
        """Folders and files of this machine among the addresses, which a confined resolver has to be let into."""
        found = [path for address in (*self.indexes, *self.find_links) if (path := _local(address)) is not None]
        beside = [str(Path(path).parent) for path in map(_local, self.indexes) if path is not None]
        return tuple(dict.fromkeys([*found, *(path for path in beside if not _is_wide(path))]))


def read_index_settings(environment: Mapping[str, str] | None = None) -> IndexSettings:
    """Return the user's settings.

    Raises :class:`ConfigurationProblem` if pip cannot say how it is configured. ``environment`` replaces this
    process's.
    """
    variables = os.environ if environment is None else environment
    return _settings(_pip(variables), variables)


def _pip(environment: Mapping[str, str]) -> dict[str, str]:
    argv = [sys.executable, "-P", "-m", "pip", "config", "list", "--disable-pip-version-check", "--no-input"]
    try:
        done = subprocess.run(
            argv, env=dict(environment), capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise _unreadable(f"no answer within {_SECONDS} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise _unreadable(lines[-1].removeprefix("ERROR: ") if lines else f"status {done.returncode}")
    return _parsed(done.stdout.splitlines())


def _parsed(lines: Iterable[str]) -> dict[str, str]:
    """Read ``section.key='value'`` lines; values are Python literals."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in lines:
        name, equals, literal = line.partition("=")
        section, _, key = name.partition(".")
        if equals and section in found:
            found[section][key.replace("_", "-")] = str(ast.literal_eval(literal))
    return {key: value for section in _SECTIONS for key, value in found[section].items()}


def _unreadable(reason: str) -> ConfigurationProblem:
    return ConfigurationProblem(f"pip cannot say how it is configured: {reason}", help="try `pip config debug`")


def _settings(pip: Mapping[str, str], environment: Mapping[str, str]) -> IndexSettings:
    def uv(*names: str) -> str | None:
        return next((value for name in names if (value := environment.get(name, "").strip())), None)

    links = _listed(uv("UV_FIND_LINKS"), ",") or _listed(pip.get("find-links"))
    timeout = uv("UV_HTTP_TIMEOUT") or pip.get("timeout") or pip.get("default-timeout") or ""
    return IndexSettings(
        index=_unnamed(uv("UV_DEFAULT_INDEX", "UV_INDEX_URL")) or pip.get("index-url") or PUBLIC_INDEX,
        extra_indexes=_listed(uv("UV_INDEX", "UV_EXTRA_INDEX_URL")) or _listed(pip.get("extra-index-url")),
        find_links=tuple(map(_absolute, links)),
        no_index=(uv("UV_NO_INDEX") or pip.get("no-index", "")).lower() in _TRUE,
        strategy=uv("UV_INDEX_STRATEGY") or "unsafe-best-match",
        trusted_hosts=_listed(uv("UV_INSECURE_HOST")) or _listed(pip.get("trusted-host")),
        certificate=pip.get("cert") or uv("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        client_certificate=pip.get("client-cert") or uv("SSL_CLIENT_CERT"),
        proxy=pip.get("proxy"),
        timeout=int(float(timeout)) if timeout.replace(".", "", 1).isdigit() else None,
    )


def _listed(value: str | None, separator: str | None = None) -> tuple[str, ...]:
    """Split what is listed, by white space (pip's lists) or commas; names before ``=`` are taken off."""
    return tuple(_unnamed(item.strip()) or "" for item in (value or "").split(separator) if item.strip())


def _unnamed(value: str | None) -> str | None:
    """Return ``https://…`` of uv's ``name=https://…``."""
    name, equals, rest = (value or "").partition("=")
    return rest if equals and "/" not in name and ":" not in name else value


def _absolute(address: str) -> str:
    return address if "://" in address else str(Path(address).expanduser().absolute())


def _local(address: str) -> str | None:
    parts = urlsplit(address)
    if parts.scheme == "file":
        return unquote(parts.path)
    return address if address.startswith("/") else None


def _is_wide(path: str) -> bool:
    return Path(path) in {Path("/"), Path.home(), *Path.home().parents}
