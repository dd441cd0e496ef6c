"""The user's own index settings, handed to a confined pip that has no home to find them in.

Only what says where packages come from and how to reach that place is handed on, and nothing of it comes from the
project: a target has no say in where its build requirements are fetched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from theodore_loader.sandbox import interpreter
from theodore_plugin.packaging.index_settings import IndexSettings, read_index_settings

_CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXY_VARIABLES = tuple(form for name in ("http", "https", "all", "no") for form in (f"{name}_proxy", f"{name}_PROXY"))
SYSTEM_NAMES = ("/etc/os-release", "/usr/lib/os-release", "/etc/lsb-release", "/etc/debian_version")
"""pip says in its requests which system it runs on, and does not start where it may not look."""


@dataclass(frozen=True, slots=True)
class PipSettings:
    """What a confined pip is told: environment variables, and the files and folders it needs for them."""

    environment: Mapping[str, str]
    readable: tuple[str, ...]
    writable: tuple[str, ...]
    """pip's own cache of what it fetched, where there is one."""


def pip_settings() -> PipSettings:
    """Return the settings of the user who runs this. Raises :class:`ConfigurationProblem` if pip cannot say them."""
    settings = _read(frozenset(os.environ.items()))
    named = {name: os.environ[name] for name in (*_PROXY_VARIABLES, *_CERTIFICATE_VARIABLES) if os.environ.get(name)}
    netrc = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    cache = _cache_folder()
    environment = dict(_options(settings)) | named | {"PIP_CONFIG_FILE": os.devnull, "NETRC": str(netrc)}
    files = (
        settings.certificate,
        settings.client_certificate,
        str(netrc),
        *(named.get(v) for v in _CERTIFICATE_VARIABLES),
    )
    return PipSettings(
        environment={**environment, "PIP_CACHE_DIR": str(cache)} if cache else {**environment, "PIP_NO_CACHE_DIR": "1"},
        readable=(*interpreter.RESOLVER, *SYSTEM_NAMES, *settings.local_paths, *filter(None, files)),
        writable=(str(cache),) if cache else (),
    )


@lru_cache(maxsize=4)
def _read(environment: frozenset[tuple[str, str]]) -> IndexSettings:
    """Ask pip once for one environment; its answer takes longer than anything else here."""
    return read_index_settings(dict(environment))


def _options(settings: IndexSettings) -> Iterator[tuple[str, str]]:
    several = {
        "PIP_EXTRA_INDEX_URL": settings.extra_indexes,
        "PIP_FIND_LINKS": settings.find_links,
        "PIP_TRUSTED_HOST": settings.trusted_hosts,
    }
    single = {
        "PIP_INDEX_URL": settings.index,
        "PIP_NO_INDEX": "1" if settings.no_index else None,
        "PIP_CERT": settings.certificate,
        "PIP_CLIENT_CERT": settings.client_certificate,
        "PIP_PROXY": settings.proxy,
        "PIP_DEFAULT_TIMEOUT": None if settings.timeout is None else str(settings.timeout),
    }
    yield from ((name, " ".join(values)) for name, values in several.items() if values)
    yield from ((name, value) for name, value in single.items() if value)


def _cache_folder() -> Path | None:
    """Return pip's cache where it exists: a confined pip cannot make a folder outside of what is granted."""
    import platformdirs

    folder = Path(os.environ.get("PIP_CACHE_DIR") or platformdirs.user_cache_dir("pip", appauthor=False))
    return folder if folder.is_dir() and os.access(folder, os.W_OK) else None
