"""The difference between two sides, section by section. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from theodore_loader.difference import Increase, Kind, increases
from theodore_loader.permissions import Permission
from theodore_plugin.difference.side import Asked, Content, File, Side, Signing, Source
from theodore_sdk.info import PluginResourceLimits


class Change(StrEnum):
    """What became of one thing."""

    ADDED = "added"
    REMOVED = "removed"
    WIDENED = "widened"
    NARROWED = "narrowed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class PermissionChange:
    """A permission that is asked for now, or was; ``before`` is what it was widened or narrowed from."""

    change: Change
    permission: Permission
    reason: str
    before: tuple[Permission, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A change of one named thing, as texts; empty where it is not there."""

    change: Change
    name: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class Files:
    """What became of the shipped files; sizes in bytes are those of all of them together."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    old_size: int
    new_size: int
    only_python: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs; sections that could not be compared are ``None`` or empty, and ``unknown`` says so."""

    old: Side
    new: Side
    increases: tuple[Increase, ...]
    permissions: tuple[PermissionChange, ...]
    inferred: tuple[Named, ...]
    native: tuple[Named, ...]
    dependencies: tuple[Named, ...]
    about: tuple[Named, ...]
    """Category, interfaces, entry class, resource limits."""
    symbols: tuple[Named, ...]
    files: Files | None
    unknown: tuple[str, ...]

    @property
    def same_bytes(self) -> bool:
        """Whether both are the very same wheel."""
        return self.old.terms.sha256 == self.new.terms.sha256 and Source.TREE not in (self.old.source, self.new.source)

    @property
    def complete(self) -> bool:
        """Whether both sides were looked at completely."""
        return not (self.old.incomplete or self.new.incomplete)


def compare(old: Side, new: Side, highest: str | None = None) -> Difference:
    """Compare two sides; ``highest`` is the highest version that was ever installed, where that is known."""
    before, after = old.content, new.content
    return Difference(
        old=old,
        new=new,
        increases=_increases(old, new, highest),
        permissions=tuple(_permissions(old.asked, new.asked)),
        inferred=tuple(_sets(old.inferred, new.inferred)),
        native=tuple(_sets(frozenset(old.terms.native), frozenset(new.terms.native))),
        dependencies=tuple(_dependencies(before, after)),
        about=tuple(_about(old, new)),
        symbols=tuple(_sets(_symbols(before), _symbols(after))),
        files=_files(before, after) if before and after else None,
        unknown=tuple(_unknown(old, new)),
    )


def _increases(old: Side, new: Side, highest: str | None) -> tuple[Increase, ...]:
    """Leave out what only wheels that somebody believes can be compared by: a source tree is not signed."""
    found = increases(old.terms, new.terms, highest)
    if old.signing is new.signing is Signing.BELIEVED:
        return found
    about_signing = {Kind.SIGNER, Kind.VERDICT, Kind.TIER}
    kept = tuple(increase for increase in found if increase.kind not in about_signing)
    if old.signing is Signing.BELIEVED and new.source is not Source.TREE:
        return (Increase(Kind.SIGNER, f"it is {new.signed_by}, {old.version} was {old.signed_by}"), *kept)
    return kept


def _permissions(old: tuple[Asked, ...], new: tuple[Asked, ...]) -> Iterator[PermissionChange]:
    before, after = [one.permission for one in old], [one.permission for one in new]
    for one in new:
        if any(held.covers(one.permission) for held in before):
            continue
        within = tuple(held for held in before if one.permission.covers(held))
        yield PermissionChange(Change.WIDENED if within else Change.ADDED, one.permission, one.reason, within)
    for one in old:
        if any(asked.covers(one.permission) for asked in after):
            continue
        left = [asked for asked in after if one.permission.covers(asked)]
        if left:
            for asked in left:
                yield PermissionChange(Change.NARROWED, asked, _reason(new, asked), (one.permission,))
        else:
            yield PermissionChange(Change.REMOVED, one.permission, one.reason)


def _reason(asked: tuple[Asked, ...], permission: Permission) -> str:
    return next(one.reason for one in asked if one.permission == permission)


def _sets(old: frozenset[str] | None, new: frozenset[str] | None) -> Iterator[Named]:
    if old is None or new is None:
        return
    for name in sorted(new - old):
        yield Named(Change.ADDED, name)
    for name in sorted(old - new):
        yield Named(Change.REMOVED, name)


def _dependencies(old: Content | None, new: Content | None) -> Iterator[Named]:
    if old is None or new is None or old.dependencies is None or new.dependencies is None:
        return
    yield from _mapped(
        {name: ", ".join(versions) for name, versions in old.dependencies.items()},
        {name: ", ".join(versions) for name, versions in new.dependencies.items()},
    )


def _mapped(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Named]:
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield Named(Change.ADDED, name, new=new[name])
        elif name not in new:
            yield Named(Change.REMOVED, name, old=old[name])
        elif old[name] != new[name]:
            yield Named(Change.CHANGED, name, old[name], new[name])


def _about(old: Side, new: Side) -> Iterator[Named]:
    yield from _mapped({"category": old.terms.category.value}, {"category": new.terms.category.value})
    if old.content and new.content:
        yield from _mapped(_described(old.content), _described(new.content))
        yield from _mapped(_limits(old.content.limits), _limits(new.content.limits))


def _symbols(content: Content | None) -> frozenset[str] | None:
    return content.symbols if content else None


def _described(content: Content) -> dict[str, str]:
    return {"interfaces": ", ".join(content.interfaces), "entry class": content.entry_point}


def _limits(limits: PluginResourceLimits) -> dict[str, str]:
    return {field.name: f"{getattr(limits, field.name):g}" for field in fields(limits)}


def _files(old: Content, new: Content) -> Files:
    only_python = old.only_python or new.only_python
    before, after = (_compared(content.files, only_python=only_python) for content in (old, new))
    return Files(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(path for path in after.keys() & before.keys() if after[path] != before[path])),
        old_size=sum(file.size for file in before.values()),
        new_size=sum(file.size for file in after.values()),
        only_python=only_python,
    )


def _compared(files: Mapping[str, File], *, only_python: bool) -> dict[str, File]:
    return {path: file for path, file in files.items() if not only_python or path.endswith(".py")}


def _unknown(old: Side, new: Side) -> Iterator[str]:
    for side in (old, new):
        if side.content is None:
            yield f"of {side} only its terms are remembered: it was removed"
        elif side.content.dependencies is None and side.source is Source.TREE:
            yield f"{side.label} has no lock: dependencies are not compared"
        if side.inferred is None and side.content is not None:
            yield f"what the code of {side} can do was not looked at"
        if side.signing is Signing.NOT_BELIEVED:
            yield f"nobody this machine believes signed {side}: signers are not compared"
        for item in side.incomplete:
            yield f"not analysed in {side.label}: {item}"
