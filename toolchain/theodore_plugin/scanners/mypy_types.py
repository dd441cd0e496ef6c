"""Which types of the plugin's dependencies mypy is given: those they publish (PEP 561), and nothing else.

1. Only what is locked counts; without a usable lock, what the project declares and what that requires here.
2. A locked package counts only in the locked version.
3. A package publishes types if it has a ``py.typed``, or if there is a ``NAME-stubs`` package for it; a partial
   stub package is completed from the package itself. The rest of what is installed is not there for mypy.
4. Names of the standard library, and the SDK's, are never taken from a package.
5. Files are copied as RECORD knows them. A distribution with a file that was changed since gives none.

Nothing is imported or run. Source: PEP 561, and the search order of mypy's ``modulefinder``.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from theodore_loader.errors import Refused
from theodore_plugin.distributions.environment import Environment
from theodore_plugin.distributions.installed import DIST_INFO, MAX_RECORD_BYTES, name_of, top_names
from theodore_plugin.distributions.installed_record import read_record
from theodore_plugin.distributions.model import Distribution, Unreadable, import_name, normalised
from theodore_plugin.distributions.reading import MIB, read_regular
from theodore_plugin.distributions.requirements import required_name
from theodore_plugin.scanners.pins import read_pins
from theodore_plugin.scanners.scanner import ScanContext

NOT_AVAILABLE = "types of other packages were not available"
MAX_BYTES = 128 * MIB
"""Of all types together; the largest published ones, those of array libraries, have under 20 MiB."""

_MARKER = "py.typed"
_STUBS = "-stubs"
_BUILT_IN = frozenset({*sys.stdlib_module_names, "theodore_sdk", "typing_extensions", "mypy_extensions", "_typeshed"})
"""Top-level names mypy, or we, have types of."""
_NAMED = 3
"""How many dependencies without types are named."""


@dataclass(frozen=True, slots=True)
class Types:
    """Files for an import folder of mypy's own, and what to say of them."""

    files: Mapping[str, bytes] = field(repr=False)
    """Content by POSIX path below the folder."""
    detail: str
    fingerprint: str
    """Changes with every content, so with everything the answer depends on."""

    def write(self, folder: Path) -> None:
        """Lay the files out."""
        for path, data in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that gives a module its types; ``strength`` decides between several, the lowest wins."""

    module: str
    strength: int
    target: str
    path: str
    owner: Distribution


def no_types() -> Types:
    """Return what mypy gets where nothing is known of dependencies."""
    return _types({}, NOT_AVAILABLE)


def published_types(context: ScanContext) -> Types:
    """Collect the types of the project's dependencies from the environment the settings name."""
    environment = context.settings.environment
    if environment is None:
        return no_types()
    files: dict[str, bytes] = {}
    lacking: list[str] = []
    wanted = _wanted(context, environment)
    for name, version in wanted.items():
        try:
            files |= _published_by(name, version, environment, MAX_BYTES - sum(map(len, files.values())))
        except Unreadable as problem:
            lacking.append(f"{name} {problem}")
    return _types(files, _detail(len(wanted), lacking))


def _types(files: dict[str, bytes], detail: str) -> Types:
    state = hashlib.sha256()
    for path, data in sorted(files.items()):
        state.update(f"{path}\0{hashlib.sha256(data).hexdigest()}\n".encode("utf-8", "surrogateescape"))
    return Types(files, detail, state.hexdigest())


def _detail(wanted: int, lacking: list[str]) -> str:
    if not wanted:
        return "no dependencies"
    if not lacking:
        return f"types of {wanted} of {wanted} dependencies"
    more = f", and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
    return f"types of {wanted - len(lacking)} of {wanted} dependencies: {', '.join(lacking[:_NAMED])}{more}"


def _wanted(context: ScanContext, environment: Environment) -> dict[str, str | None]:
    """Return the dependencies by normalised name, each with the version the lock asks for, if there is one."""
    lock = context.settings.lock or context.project.lock
    if lock is not None:
        try:
            return {normalised(pin.name): pin.version for pin in read_pins(lock)}
        except Refused:  # said by the audit
            pass
    return dict.fromkeys(_closure(context, environment))


def _closure(context: ScanContext, environment: Environment) -> list[str]:
    declared = context.project.table.get("dependencies", ())
    lines = [line for line in declared if isinstance(line, str)] if isinstance(declared, list | tuple) else []
    pending = [name for line in lines if (name := required_name(line, environment.python)) is not None]
    found: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            installed = environment.distribution(name)
            pending.extend(installed.requires if installed else ())
    return sorted(found)


def _published_by(name: str, version: str | None, environment: Environment, room: int) -> dict[str, bytes]:
    """Return the files of one dependency. Raises Unreadable, with words to put after its name, if it gives none."""
    found = environment.distribution(name)
    if found is None:
        raise Unreadable("is not installed")
    if version is not None and found.version != version:
        raise Unreadable(f"is installed as {found.version}, the lock says {version}")
    tops = {root.partition(".")[0] for root in found.roots}
    if tops and tops <= _BUILT_IN:
        return {}  # a backport: its types come with mypy
    sources = _sources(found, [stubs for stubs in _stub_packages(tops, environment) if stubs is not found])
    if not sources:
        raise Unreadable("has none")
    return _read(sources, room)


def _sources(found: Distribution, others: list[Distribution]) -> list[_Source]:
    """Return what gives the modules of ``found`` types: its own files, and the stub packages of ``others``."""
    own = _paths(found)
    stubs = [
        _Source(module, 0, target, path, owner)
        for owner, paths in ((found, own), *((other, _paths(other)) for other in others))
        for path in paths
        if (target := _stub_target(path)) and (module := _module(target))
    ]
    typed = {path.removesuffix(f"/{_MARKER}") for path in own if path.endswith(f"/{_MARKER}")}
    typed |= {
        top for top in {source.module.partition(".")[0] for source in stubs} if _is_partial(top, [found, *others])
    }
    inline = [
        _Source(module, 1 if path.endswith(".pyi") else 2, path, path, found)
        for path in own
        if path.endswith((".py", ".pyi")) and _is_below(path, typed) and (module := _module(path))
    ]
    return [source for source in (*stubs, *inline) if source.module.partition(".")[0] not in _BUILT_IN]


def _paths(found: Distribution) -> list[str]:
    """Return every path RECORD knows below the import folder; an editable installation has its files elsewhere."""
    record = next((Path(path) for kind, path in found.inputs if kind == "file" and path.endswith("/RECORD")), None)
    if record is None:
        return []
    return sorted(read_record(read_regular(record, MAX_RECORD_BYTES), record.name).digests)


def _stub_target(path: str) -> str | None:
    """Return where a file of a stub-only package belongs: ``bs4-stubs/x.pyi`` says what ``bs4/x.py`` is."""
    top, _, rest = path.partition("/")
    return f"{top.removesuffix(_STUBS)}/{rest}" if top.endswith(_STUBS) and rest.endswith(".pyi") else None


def _module(path: str) -> str | None:
    return import_name(str(PurePosixPath(path).with_suffix(".py")))


def _is_below(path: str, folders: set[str]) -> bool:
    return any(str(parent) in folders for parent in PurePosixPath(path).parents)


def _is_partial(top: str, owners: list[Distribution]) -> bool:
    for owner in owners:
        try:
            return owner.contents.read(f"{top}{_STUBS}/{_MARKER}").strip() == b"partial"
        except Unreadable:
            continue
    return False


def _stub_packages(tops: set[str], environment: Environment) -> list[Distribution]:
    """Find the distributions that have a stub package for one of ``tops``, whether or not they are locked."""
    wanted = {f"{top}{_STUBS}" for top in tops}
    there = [folder for folder in environment.folders if any((folder / name).is_dir() for name in wanted)]
    infos = [info for folder in there for info in sorted(folder.glob(f"*{DIST_INFO}")) if wanted & top_names(info)]
    found = (environment.distribution(name_of(info)[0]) for info in infos)
    return [distribution for distribution in found if distribution is not None]


def _read(sources: list[_Source], room: int) -> dict[str, bytes]:
    """Read the strongest source of each module, and no second one: mypy would look at a package before a stub."""
    files: dict[str, bytes] = {}
    modules: dict[str, str] = {}
    for source in sorted(sources, key=lambda source: (source.strength, source.path)):
        if modules.setdefault(source.module, source.path) != source.path:
            continue
        try:
            files[source.target] = source.owner.contents.read(source.path)
        except Unreadable as problem:
            raise Unreadable(f"gives none, because {source.path} {problem}") from None
        room -= len(files[source.target])
        if room < 0:
            raise Unreadable(f"was left out: all types together are larger than {MAX_BYTES // MIB} MiB")
    return files
