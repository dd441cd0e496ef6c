"""Which plugins a change of the SDK touches, by what each wheel says it uses (``api-usage.json``).

The statement is checked against the code when a wheel is checked (``api-lock-stale``), and covered by its digest. Of an
installed plugin it is therefore what a verifier looked at; of a wheel that lies somewhere it is a claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from theodore_loader.artifact.store import Store
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import ConfigurationProblem, NothingToDo, Refused
from theodore_loader.installed import Installed
from theodore_loader.trust.files import read_signed
from theodore_plugin.packaging.api_usage import from_json

INSTALLED = "installed"


@dataclass(frozen=True, slots=True)
class Use:
    """What one plugin uses of what was asked for. ``place`` is ``installed`` or the path of its wheel.

    With a ``problem`` nothing is known, and ``names`` are empty for that reason.
    """

    plugin: str
    version: str | None
    place: str
    names: tuple[str, ...] = ()
    problem: str | None = None


def uses(symbol: str, wheels: Sequence[Path], home: Path) -> list[Use]:
    """Ask ``wheels``, or all installed plugins if there are none, in the order of their names.

    ``symbol`` is a dotted name as a whole or in part: a class also means what is in it. Raises ConfigurationProblem for
    what is no name and for a file that is not there, NothingToDo where nothing is installed.
    """
    parts = tuple(symbol.split("."))
    if not all(part.isidentifier() for part in parts):
        raise ConfigurationProblem(
            f"{symbol[:120]!r} is no name of the SDK", help="such as theodore_sdk.RateLimit, or RateLimit.per_minute"
        )
    asked = [_of_wheel(path, parts) for path in wheels] if wheels else _of_installed(home, parts)
    return sorted(asked, key=lambda use: (use.plugin, use.place))


def _of_installed(home: Path, parts: tuple[str, ...]) -> list[Use]:
    store, plugins = Store(home), Installed(home).all().values()
    if not plugins:
        raise NothingToDo("no plugin is installed", help="name wheels, or install one: theodore-plugin install WHEEL")
    return [_use(one.name, one.version, INSTALLED, parts, partial(_stored, store, one.sha256)) for one in plugins]


def _stored(store: Store, sha256: str) -> Wheel:
    return store.open(sha256).wheel


def _of_wheel(path: Path, parts: tuple[str, ...]) -> Use:
    files = read_signed(path)
    name, _, rest = files.filename.partition("-")
    version = rest.partition("-")[0] or None
    return _use(name.replace("_", "-"), version, str(path), parts, partial(Wheel.read, files.data, files.filename))


def _use(name: str, version: str | None, place: str, parts: tuple[str, ...], read: Callable[[], Wheel]) -> Use:
    try:
        stated = read().api_usage
        if stated is None:
            return Use(name, version, place, problem="it does not say what it uses; packaged by an older tool")
        return Use(name, version, place, tuple(_touched(from_json(stated).names, parts)))
    except (Refused, ConfigurationProblem) as problem:
        return Use(name, version, place, problem=problem.message)
    except ValueError as defect:
        return Use(name, version, place, problem=f"what it says it uses cannot be read: {defect}")


def _touched(names: Iterable[str], parts: tuple[str, ...]) -> list[str]:
    """Return the names in which ``parts`` stand side by side."""
    width = len(parts)

    def holds(name: str) -> bool:
        found = tuple(name.split("."))
        return any(found[start : start + width] == parts for start in range(len(found) - width + 1))

    return sorted(name for name in names if holds(name))
