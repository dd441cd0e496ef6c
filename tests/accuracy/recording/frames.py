"""Who did it: the innermost frame of the package under test, and what stands between it and the act."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from opcode import opname
from pathlib import PurePath
from types import CodeType, FrameType
from typing import NamedTuple

MAX_FRAMES = 400
STANDARD = sysconfig.get_path("stdlib")
RECORDER = str(PurePath(__file__).parent) + "/"
"""Its own wrappers stand between a caller and what it calls."""


class Kind(Enum):
    """Whose code a frame runs."""

    OWN = "own"
    DEPENDENCY = "dependency"
    STANDARD = "standard library"
    MACHINERY = "import machinery"
    OTHER = "other"
    """The script that drives the package, a test, or code compiled from a string."""


class Place(NamedTuple):
    """What is known of a source file: its kind and its path below the folder the kind names."""

    kind: Kind
    path: str


class Attribution(NamedTuple):
    """One act seen from the package under test."""

    function: str
    """``module:qualified.name``; the module alone for its body."""
    phase: str
    through: str
    """The first dependency between the package and the act; empty where the package acts itself."""
    nearest: Place
    """The frame that acted, and its function; the standard library's own forwarding functions do not count."""
    nearest_function: str


@dataclass(slots=True)
class Attributor:
    """Classifies frames of one process by the folders of the package, its dependencies and the standard library."""

    site: str
    roots: frozenset[str]
    """First path components below ``site`` that belong to the package under test."""

    _known: dict[str, Place] = field(default_factory=dict)

    def attribute(self, frame: FrameType | None) -> Attribution | None:
        """Return who acted, ``None`` where no frame of the package is on the stack."""
        between: list[tuple[Place, str]] = []
        for current in _stack(frame):
            code = current.f_code
            place = self.place(code.co_filename)
            if place.kind is Kind.OWN:
                return self._found(current, place, between)
            if place.kind is Kind.OTHER and place.path.startswith("/"):
                return None  # a test or a script acts, called back or put in a dependency's place
            between.append((place, code.co_qualname))
        return None

    def _found(self, frame: FrameType, place: Place, between: list[tuple[Place, str]]) -> Attribution:
        nearest, name = next((item for item in between if not _forwards(item[0])), (place, frame.f_code.co_qualname))
        dependencies = [item.path.split("/")[0] for item, _ in between if item.kind is Kind.DEPENDENCY]
        phase = "import" if any(self._runs_module(outer) for outer in _stack(frame)) else "call"
        through = dependencies[-1].removesuffix(".py") if dependencies else ""
        return Attribution(function_name(place.path, frame.f_code), phase, through, nearest, name)

    def _runs_module(self, frame: FrameType) -> bool:
        code = frame.f_code
        return code.co_name == "<module>" and self.place(code.co_filename).kind is Kind.OWN

    def place(self, filename: str) -> Place:
        """Return what a code object's file is."""
        known = self._known.get(filename)
        if known is None:
            known = self._known[filename] = self._classify(filename)
        return known

    def _classify(self, filename: str) -> Place:
        if filename.startswith("<frozen "):
            module = filename[len("<frozen ") : -1]
            return Place(Kind.MACHINERY if "import" in module else Kind.STANDARD, module.replace(".", "/") + ".py")
        if filename.startswith(RECORDER):
            return Place(Kind.MACHINERY, "recording")
        if filename.startswith(self.site + "/"):
            relative = filename[len(self.site) + 1 :]
            own = relative.split("/")[0] in self.roots
            return Place(Kind.OWN if own else Kind.DEPENDENCY, relative)
        if filename.startswith(STANDARD + "/") and "/site-packages/" not in filename:
            relative = filename[len(STANDARD) + 1 :]
            return Place(Kind.MACHINERY if relative == "zipimport.py" else Kind.STANDARD, relative)
        return Place(Kind.OTHER, filename)


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    for _ in range(MAX_FRAMES):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def _forwards(place: Place) -> bool:
    """Whether a frame only hands on what its caller asks for: ``os.getenv``, ``Mapping.get``."""
    return place.kind is Kind.STANDARD and place.path in {"os.py", "_collections_abc.py"}


def function_name(path: str, code: CodeType) -> str:
    """Return ``module:qualified.name`` of the definition a code object belongs to.

    Lambdas and comprehensions count to the definition around them.
    """
    module = ".".join(PurePath(path).with_suffix("").parts)
    names = [part for part in code.co_qualname.split(".") if not part.startswith("<")]
    module = module.removesuffix(".__init__")
    return f"{module}:{'.'.join(names)}" if names else module


def runs_a_call(frame: FrameType) -> bool:
    """Whether the running instruction of a frame is a call, not an import statement."""
    return opname[frame.f_code.co_code[frame.f_lasti]].startswith(("CALL", "PRECALL"))
