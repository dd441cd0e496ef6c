"""One permission: a type and a pattern in normal form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from theodore_loader.permissions.errors import PatternError
from theodore_loader.permissions.filesystem import PathPattern, overbroad_path, parse_path
from theodore_loader.permissions.names import NamePattern, overbroad_names, parse_names
from theodore_loader.permissions.network import Connect, Listen, canonical_host, overbroad_network, parse_network
from theodore_sdk.info import PermissionType

_Form = Connect | Listen | PathPattern | NamePattern | None
"""The parsed pattern; ``None`` is ``*``, the whole type."""

MAX_PATTERN = 2048


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """A set of resources of one type. Construction parses and normalises, or raises :class:`PatternError`."""

    type: PermissionType
    pattern: str = "*"
    _form: _Form = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        form, normal = _parse(self.type, self.pattern)
        object.__setattr__(self, "_form", form)
        object.__setattr__(self, "pattern", normal)

    @classmethod
    def parse(cls, type: PermissionType | str, pattern: str = "*") -> Permission:  # noqa: A002 - the field's name
        """Read a permission from its two texts; :class:`PatternError` names the defect and the remedy."""
        try:
            kind = PermissionType(type)
        except ValueError:
            known = ", ".join(member.value for member in PermissionType)
            raise PatternError(str(type), "not a permission type", f"write one of {known}") from None
        return cls(kind, pattern)

    @classmethod
    def from_text(cls, text: str) -> Permission:
        """Read back what ``str`` gives: ``network api.example.com:443``."""
        kind, _space, pattern = text.partition(" ")
        return cls.parse(kind, pattern or "*")

    def __str__(self) -> str:
        return f"{self.type.value} {self.pattern}"

    def covers(self, other: Permission) -> bool:
        """Tell whether every resource of ``other`` is one of these."""
        if self.type is not other.type:
            return False
        if self._form is None or other._form is None:
            return self._form is None
        return self._form.covers(other._form)  # type: ignore[arg-type]  # one type has one kind of form

    def intersection(self, other: Permission) -> tuple[Permission, ...]:
        """Return the maximal permissions inside both, none inside another; empty when disjoint."""
        if self.type is not other.type:
            return ()
        if self._form is None or other._form is None:
            return (other if self._form is None else self,)
        pieces = self._form.intersection(other._form)  # type: ignore[arg-type]
        return tuple(sorted(Permission(self.type, str(piece)) for piece in pieces))

    def meet(self, other: Permission) -> Permission | None:
        """Return the greatest permission inside both, or ``None`` where there is none."""
        pieces = self.intersection(other)
        return pieces[0] if len(pieces) == 1 else None

    def overlaps(self, other: Permission) -> bool:
        """Tell whether some resource is in both."""
        if self.type is not other.type:
            return False
        if self._form is None or other._form is None:
            return True
        if isinstance(self._form, Connect | Listen):
            return bool(self.intersection(other))
        return self._form.overlaps(other._form)  # type: ignore[arg-type]

    def allows_host(self, host: str, port: int) -> bool:
        """Tell whether connecting to ``host:port`` is inside; names and addresses must be canonical."""
        wanted = canonical_host(host)
        if self.type is not PermissionType.NETWORK or wanted is None or not 0 < port < 65536:
            return False
        return self._form is None or (isinstance(self._form, Connect) and self._form.covers(Connect(wanted, port)))

    def allows_listen(self, port: int) -> bool:
        """Tell whether listening on ``port`` is inside; port 0 (any free one) needs ``listen:*``."""
        if self.type is not PermissionType.NETWORK:
            return False
        return self._form is None or (isinstance(self._form, Listen) and self._form.port in (None, port))

    def allows_path(self, path: str, write: bool, folders: Mapping[str, str]) -> bool:
        """Tell whether the access is inside. ``path`` is absolute with links resolved; ``..`` is refused."""
        if self.type is not PermissionType.FILE_SYSTEM:
            return False
        form = self._form if isinstance(self._form, PathPattern) else _EVERYTHING
        return form.allows(path, write, folders)

    def allows_name(self, name: str) -> bool:
        """Tell whether a program, variable, service, library or module of this name is inside."""
        if type(name) is not str or not name or "\0" in name or "*" in name:
            return False
        if self._form is None:
            return self.type not in (PermissionType.NETWORK, PermissionType.FILE_SYSTEM)
        return isinstance(self._form, NamePattern) and self._form.allows(name)

    @property
    def writes(self) -> bool:
        """Whether a filesystem permission includes writing."""
        form = _EVERYTHING if self._form is None and self.type is PermissionType.FILE_SYSTEM else self._form
        return isinstance(form, PathPattern) and form.write

    def landlock_root(self, folders: Mapping[str, str]) -> str:
        """Return the folder (or exact file) a kernel rule names: the longest prefix without stars, expanded.

        The kernel rule is never narrower than the pattern; the audit hook enforces what lies between.
        """
        if self.type is not PermissionType.FILE_SYSTEM:
            raise PatternError(self.pattern, f"{self.type.value} has no path", "ask filesystem permissions only")
        return (self._form if isinstance(self._form, PathPattern) else _EVERYTHING).literal_root(folders)

    @property
    def overbroad(self) -> str | None:
        """The reason why this reaches further than a reviewer can judge, or ``None``."""
        match self._form:
            case None:
                return f"reaches every {self.type.value} resource"
            case PathPattern() as form:
                return overbroad_path(form)
            case NamePattern() as form:
                return overbroad_names(self.type, form)
            case form:
                return overbroad_network(form)

    @property
    def is_overbroad(self) -> bool:
        """Whether :attr:`overbroad` gives a reason."""
        return self.overbroad is not None


_EVERYTHING = PathPattern(write=True, folder=None, parts=(), deep=True)


@lru_cache(maxsize=2048)
def _parse(kind: PermissionType, pattern: str) -> tuple[_Form, str]:
    """Return the form of a pattern, and the one spelling it has."""
    form = _form_of(kind, pattern)
    return form, "*" if form is None else str(form)


def _form_of(kind: PermissionType, pattern: str) -> _Form:
    if not pattern or len(pattern) > MAX_PATTERN:
        raise PatternError(pattern[:64], "empty or too long", "write * for the whole type, or see the grammar")
    if pattern != pattern.strip() or not pattern.isprintable():
        raise PatternError(pattern, "spaces or unprintable characters around or inside", "remove them")
    if pattern == "*":
        return None
    if kind is PermissionType.NETWORK:
        return parse_network(pattern)
    if kind is PermissionType.FILE_SYSTEM:
        form = parse_path(pattern)
        return None if form == _EVERYTHING else form
    names = parse_names(kind, pattern)
    return None if names.glob == "*" else names
