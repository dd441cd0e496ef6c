"""Which wheel ``install NAME`` means: the newest of that name, in the folders of wheels that were given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem

_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:==([A-Za-z0-9.!+_-]+))?")


def candidates(target: str, folders: Sequence[Path]) -> tuple[Path, ...]:
    """Return the wheels that ``target`` can mean, the best first: a path is itself, a name the newest version of it.

    Pre-releases come after every release. Raises ConfigurationProblem if there is none.
    """
    path = Path(target)
    named = _NAME.fullmatch(target)
    if path.suffix == ".whl" or path.exists() or named is None or "/" in target:
        return (path,)
    found = sorted(_matching(named[1], named[2], folders), reverse=True)
    if not found:
        where = ", ".join(map(str, folders))
        raise ConfigurationProblem(
            f"no wheel of {target} that fits this machine is in {where}" if folders else f"{target}: no such wheel",
            help="name the wheel itself, or the folder it is in with --find-links",
        )
    return tuple(path for _, _, path in found)


def _matching(name: str, version: str | None, folders: Sequence[Path]) -> Iterator[tuple[bool, object, Path]]:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.tags import sys_tags
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    from theodore_loader.artifact.dist_info import parse_filename
    from theodore_loader.errors import InvalidWheel

    try:
        wanted = SpecifierSet(f"=={version}" if version else "", prereleases=True)
    except InvalidSpecifier:
        raise ConfigurationProblem(f"{version!r} is no version", help="write NAME or NAME==1.2.0") from None
    fitting = frozenset(sys_tags())
    for path in (path for folder in folders for path in sorted(folder.glob("*.whl"))):
        try:
            identity = parse_filename(path.name)
        except InvalidWheel:
            continue
        known = Version(identity.version)
        if identity.name == canonicalize_name(name) and known in wanted and not fitting.isdisjoint(identity.tags):
            yield not known.is_prerelease, known, path
