"""Which plugins are installed: names to digests, and the signatures needed to verify them again.

::

    <home>/installed.json                  {"schema": 1, "plugins": {name: {version, sha256, filename, installed}}}
    <home>/signatures/<sha256>/            the wheel's bundle and attestations, as they lay beside it

The file is replaced as a whole under a lock, so a reader sees the old or the new one. It decides nothing: every load
verifies the stored bytes with these signatures against the trust file of that moment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from filelock import FileLock

from theodore_loader import strict_json
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import private_dir
from theodore_loader.regular_file import read_beyond, read_regular
from theodore_loader.trust.files import MAX_BUNDLE, SignedFiles
from theodore_loader.whole_file import replace_file

_MAX_BYTES = 16 * 1024 * 1024
_BUNDLE, _ATTESTATIONS = "bundle.sigstore.json", "attestations.jsonl"


@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    """One installed plugin; ``installed`` is an ISO 8601 time in UTC."""

    name: str
    version: str
    sha256: str
    filename: str
    installed: str


class _Plugin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    filename: str
    installed: str


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: Literal[1]
    plugins: dict[str, _Plugin]


class Installed:
    """The record of one state folder; several processes may use it at once."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._home_text = str(home)
        self._path = home / "installed.json"
        self._last: tuple[bytes | None, Mapping[str, InstalledPlugin]] = None, {}

    def all(self) -> Mapping[str, InstalledPlugin]:
        """Return what is installed, by name.

        Raises:
            ConfigurationProblem: the file is damaged.

        """
        try:
            data = read_regular(self._path, _MAX_BYTES)
        except FileNotFoundError:
            return {}
        last, plugins = self._last
        if data == last:
            return plugins
        try:
            plugins = _read(data)
        except (strict_json.JsonError, msgspec.ValidationError) as problem:
            raise ConfigurationProblem(
                f"{self._path} is damaged: {problem}", help="remove it and install the plugins again"
            ) from None
        self._last = data, plugins
        return plugins

    def get(self, name: str) -> InstalledPlugin:
        """Return one installed plugin.

        Raises:
            ConfigurationProblem: none has this name.

        """
        plugins = self.all()
        if name not in plugins:
            known = ", ".join(sorted(plugins)) or "none"
            raise ConfigurationProblem(
                f"no plugin named {name!r} is installed (installed: {known})",
                help="theodore-plugin install WHEEL",
            )
        return plugins[name]

    def add(self, name: str, version: str, sha256: str, files: SignedFiles) -> InstalledPlugin:
        """Record a verified plugin, in place of an earlier one of its name, and keep its signatures."""
        private_dir(self._home)
        plugin = InstalledPlugin(name, version, sha256, files.filename, _now())
        with FileLock(self._home / "installed.lock"):
            self._keep(sha256, files)
            replace_file(self._path, _written({**self.all(), name: plugin}))
        return plugin

    def remove(self, name: str) -> InstalledPlugin:
        """Record that a plugin is not installed any more, and return what was; its pin stays (``trust/pins.py``).

        Raises:
            ConfigurationProblem: none has this name.

        """
        with FileLock(private_dir(self._home) / "installed.lock"):
            plugin = self.get(name)
            replace_file(self._path, _written({one: rest for one, rest in self.all().items() if one != name}))
        return plugin

    def signed(self, plugin: InstalledPlugin, data: bytes) -> SignedFiles:
        """Return the wheel's bytes together with the signatures kept for it."""
        return SignedFiles(plugin.filename, data, *self.signatures(plugin))

    def signatures(self, plugin: InstalledPlugin) -> tuple[bytes | None, bytes | None]:
        """Return the bundle and the attestations kept for a wheel; ``None`` is one that is not there."""
        folder = f"{self._home_text}/signatures/{plugin.sha256}"
        return _if_there(f"{folder}/{_BUNDLE}"), _if_there(f"{folder}/{_ATTESTATIONS}")

    def _keep(self, sha256: str, files: SignedFiles) -> None:
        folder = private_dir(self._signatures(sha256))
        for name, data in ((_BUNDLE, files.bundle), (_ATTESTATIONS, files.attestations)):
            if data is not None:
                replace_file(folder / name, data)

    def _signatures(self, sha256: str) -> Path:
        return self._home / "signatures" / sha256


def _read(data: bytes) -> dict[str, InstalledPlugin]:
    document = msgspec.convert(strict_json.loads(data, max_bytes=_MAX_BYTES), _Document)
    return {name: InstalledPlugin(name=name, **msgspec.structs.asdict(one)) for name, one in document.plugins.items()}


def _written(plugins: Mapping[str, InstalledPlugin]) -> bytes:
    fields = {name: {k: v for k, v in asdict(plugin).items() if k != "name"} for name, plugin in plugins.items()}
    return (json.dumps({"schema": 1, "plugins": fields}, indent=2, sort_keys=True) + "\n").encode()


def _if_there(path: str) -> bytes | None:
    try:
        return read_beyond(path, 32 * MAX_BUNDLE)
    except FileNotFoundError:
        return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
