"""Bring the local database up to date: fetch, import, and say what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from theodore_loader.paths import private_dir
from theodore_plugin.advisories.build import Origin
from theodore_plugin.advisories.database import About
from theodore_plugin.advisories.fetch import fetch
from theodore_plugin.advisories.snapshot import import_file
from theodore_plugin.advisories.store import current, draft

_SUFFIXES = frozenset({".zip", ".gz", ".json", ".jsonl"})


@dataclass(frozen=True, slots=True)
class Updated:
    """The data in place; ``changed`` is false if the server still has the state that is in place."""

    about: About
    changed: bool


def update(url: str, target: Path, now: datetime, *, allow_older: bool) -> Updated:
    """Replace the database by what ``url`` holds. Raises ConfigurationProblem; the old data then stays in place."""
    old = current(target)
    known = old.etag if old is not None and old.source == url else ""
    private_dir(target.parent)
    with draft(target.parent, _suffix(url)) as bulk:
        fetched = fetch(url, bulk, etag=known)
        if old is not None and not fetched.changed:
            return Updated(old, changed=False)
        about = import_file(bulk, target, Origin(url, now, fetched.etag), allow_older=allow_older, shown=url)
    return Updated(about, changed=True)


def _suffix(url: str) -> str:
    """Return the suffix by which the content is read where it does not say itself what it is."""
    suffix = PurePosixPath(urlsplit(url).path).suffix
    return suffix if suffix in _SUFFIXES else ".jsonl"
