"""An environment: the distributions installed in an import folder, and which of them an import comes from."""

from __future__ import annotations

import hashlib
import re
import site
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.distributions.installed import DIST_INFO, installed_distribution, name_of, top_names
from theodore_plugin.distributions.model import Distribution, Input, normalised
from theodore_plugin.project import UnreadableFile

_PYTHON = re.compile(r"python(\d+)\.(\d+)")


class Environment:
    """What is installed below one or more import folders (``site-packages``). Reads lazily, keeps what it read."""

    def __init__(self, *site_packages: Path) -> None:
        self.folders = site_packages
        self.python = _python_of(site_packages)
        self._known: dict[str, Distribution | None] = {}

    @classmethod
    def running(cls) -> Environment:
        """Return the environment of the running interpreter."""
        candidates = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()]
        if site.ENABLE_USER_SITE:
            candidates.append(site.getusersitepackages())
        return cls(*(Path(folder) for folder in dict.fromkeys(candidates) if Path(folder).is_dir()))

    @classmethod
    def at(cls, folder: Path) -> Environment:
        """Return the environment of a virtual environment or an import folder.

        Raises ConfigurationProblem where nothing is installed.
        """
        inside = (*folder.glob("lib/python3.*/site-packages"), *folder.glob("Lib/site-packages"))
        found = [path for path in (*sorted(inside), folder) if any(path.glob(f"*{DIST_INFO}"))]
        if not found:
            raise ConfigurationProblem(
                f"{folder} holds no installed distribution",
                help="give a virtual environment, or a folder filled by pip install --target",
            )
        return cls(*found)

    def names(self) -> tuple[str, ...]:
        """Normalised names of everything installed."""
        return tuple(sorted(self._infos))

    def distribution(self, name: str) -> Distribution | None:
        """Return the distribution of that name (any spelling), or ``None`` if it is not installed."""
        wanted = normalised(name)
        if wanted not in self._known:
            self._known[wanted] = self._read(wanted)
        return self._known[wanted]

    def owner(self, module: str) -> Distribution | None:
        """Return the distribution that ``import module`` is served by, or ``None`` if none of these.

        A name inside a package belongs to the package's distribution; a bare namespace belongs to its only owner,
        or to nobody.
        """
        parts = module.split(".")
        namesake = self.distribution(parts[0])  # most packages are named like their distribution
        if namesake is not None and parts[0] in namesake.roots:
            return namesake
        owners = self._owners(parts[0])
        for depth in range(len(parts), 0, -1):
            found = owners.get(".".join(parts[:depth]))
            if found is not None:
                return found
        inside = {found for root, found in owners.items() if root.startswith(f"{module}.")}
        return inside.pop() if len(inside) == 1 else None

    def held_by(self, found: Distribution) -> tuple[Input, ...]:
        """Return the files and folders a distribution's code lies in, to see whether any changed since RECORD."""
        tops = {path.partition("/")[0] for path in found.python_files}
        places = (folder.absolute() / top for folder in self.folders for top in sorted(tops))
        return tuple(("tree" if place.is_dir() else "file", str(place)) for place in places if place.exists())

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What decides that nothing was installed, upgraded or removed, and that what was read is still the same."""
        sites = (("site", str(folder.absolute())) for folder in self.folders)
        read = (found for _, found in sorted(self._known.items()) if found is not None)
        return (*sites, *(item for found in read for item in found.inputs))

    def fingerprint(self) -> str:
        """Return a digest that changes whenever something is installed, upgraded or removed."""
        state = hashlib.sha256()
        for folder in self.folders:
            state.update(repr((str(folder), sorted(path.name for path in _entries(folder)))).encode())
        return state.hexdigest()

    @cached_property
    def _infos(self) -> Mapping[str, tuple[Path, ...]]:
        """The ``.dist-info`` folders by name; the folder that is first on the path wins, as in an import."""
        found: dict[str, list[Path]] = {}
        for folder in self.folders:
            for path in _entries(folder):
                name, _ = name_of(path)
                if path.suffix == DIST_INFO and (name not in found or found[name][0].parent == folder):
                    found.setdefault(name, []).append(path)
        return {name: tuple(paths) for name, paths in found.items()}

    @cached_property
    def _tops(self) -> Mapping[str, tuple[str, ...]]:
        """Which distributions have something of a top-level name; under ``""`` those that do not say."""
        found: dict[str, list[str]] = {}
        for name, paths in sorted(self._infos.items()):
            for top in top_names(paths[-1]):
                found.setdefault(top, []).append(name)
        return {top: tuple(names) for top, names in found.items()}

    def _owners(self, top: str) -> Mapping[str, Distribution]:
        """Return the owners of what lies at or below a top-level name; only those that may be are read."""
        owners: dict[str, Distribution] = {}
        for name in sorted({*self._tops.get(top, ()), *self._tops.get("", ())}):
            found = self.distribution(name)
            for root in found.roots if found else ():
                if found and root.partition(".")[0] == top:
                    owners.setdefault(root, found)
        return owners

    def _read(self, name: str) -> Distribution | None:
        paths = self._infos.get(name)
        if not paths:
            return None
        found = installed_distribution(paths[-1], self.python)
        if len(paths) == 1:
            return found
        others = ", ".join(path.name for path in paths)
        gap = UnreadableFile(paths[-1].name, f"{name} is installed {len(paths)} times ({others})")
        return _with_gap(found, gap)


def _with_gap(found: Distribution, gap: UnreadableFile) -> Distribution:
    from dataclasses import replace

    return replace(found, gaps=(*found.gaps, gap))


def _entries(folder: Path) -> Iterator[Path]:
    """Iterate over what makes up an environment, in name order: distributions and start-up files."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return
    yield from (folder / name for name in names if name.endswith((DIST_INFO, ".pth", ".egg-link")))


def _python_of(folders: tuple[Path, ...]) -> tuple[int, int] | None:
    for folder in folders:
        for part in reversed(folder.parts):
            if matched := _PYTHON.fullmatch(part):
                return int(matched[1]), int(matched[2])
    return None
