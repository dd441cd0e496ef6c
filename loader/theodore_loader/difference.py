"""In what a new version of a plugin reaches further, or is answered for less, than the one accepted before. Pure.

One place decides this: for an installation over another version, for every load (``trust/pins.py``), for the exchange
of a running plugin (``upgrade.py``), and for ``theodore-plugin diff``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from packaging.version import Version

from theodore_loader.permissions import Permission
from theodore_loader.trust.terms import Terms

FEW = 8
"""So many reasons are named in a message; a hostile plugin can give thousands."""


class Kind(StrEnum):
    """What an increase is about."""

    SIGNER = "signer"
    VERSION = "version"
    CATEGORY = "category"
    PERMISSION = "permission"
    NATIVE = "native-code"
    DYNAMIC = "dynamic-code"
    TIER = "sandbox-tier"
    VERDICT = "verdict"
    FIRST = "first-installation"

    @property
    def rule(self) -> str:
        """The rule that refuses it."""
        return _RULES.get(self, "upgrade-needs-consent")


_RULES = {Kind.SIGNER: "signer-changed", Kind.VERSION: "version-went-back"}


@dataclass(frozen=True, slots=True)
class Increase:
    """One reason to ask somebody, as a clause."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return self.text


def increases(old: Terms, new: Terms, highest: str | None = None) -> tuple[Increase, ...]:
    """Return every reason not to put ``new`` in the place of ``old`` unasked; none means it may.

    ``highest`` is the highest version there has been, by default that of ``old``.
    """
    reasons = (
        (Kind.SIGNER, _signer(old, new)),
        (Kind.VERSION, _version(highest or old.version, new.version)),
        (Kind.CATEGORY, _category(old, new)),
        (Kind.PERMISSION, _permissions(old, new)),
        (Kind.NATIVE, _native(old, new)),
        (Kind.DYNAMIC, _dynamic(old, new)),
        (Kind.TIER, _tier(old, new)),
        (Kind.VERDICT, _verdict(old, new)),
    )
    return tuple(Increase(kind, text) for kind, texts in reasons for text in texts)


def strongest_rule(found: Iterable[Increase]) -> str:
    """Return the rule to refuse with: another signer says more than a lower version, and that more than the rest."""
    kinds = {increase.kind for increase in found}
    return next((kind.rule for kind in (Kind.SIGNER, Kind.VERSION) if kind in kinds), Kind.PERMISSION.rule)


def in_words(found: Sequence[Increase], most: int = FEW) -> str:
    """Return the reasons in one line, those that say most first, at most ``most`` of them."""
    shown = "; ".join(map(str, found[:most]))
    return shown if len(found) <= most else f"{shown}; and {len(found) - most:,} more"


def larger(old: Iterable[Permission], new: Iterable[Permission]) -> tuple[Permission, ...]:
    """Return what of ``new`` no single permission of ``old`` covers."""
    known = tuple(old)
    return tuple(asked for asked in new if not any(held.covers(asked) for held in known))


def _signer(old: Terms, new: Terms) -> Iterator[str]:
    before, after = old.publisher, new.publisher
    same = before is after is None or (before and after and before.is_followed_by(after))
    if not same:
        yield f"it is {_signed(new)}, {old.version} was {_signed(old)}"


def _signed(terms: Terms) -> str:
    return f"signed by {terms.publisher}" if terms.publisher else "accepted unsigned by its digest"


def _version(highest: str, version: str) -> Iterator[str]:
    if Version(version) < Version(highest):
        yield f"{version} is older than {highest}"


def _category(old: Terms, new: Terms) -> Iterator[str]:
    if new.category is not old.category:
        yield f"it is a plugin for {new.category.value}, {old.version} was one for {old.category.value}"


def _permissions(old: Terms, new: Terms) -> Iterator[str]:
    for permission in sorted(larger(old.asked, new.asked), key=lambda one: (not one.is_overbroad, one)):
        yield f"it also asks for {permission}"


def _native(old: Terms, new: Terms) -> Iterator[str]:
    if added := sorted(set(new.native) - set(old.native)):
        yield f"it carries machine code that was not there: {', '.join(added)}"


def _dynamic(old: Terms, new: Terms) -> Iterator[str]:
    if new.dynamic_code and not old.dynamic_code:
        yield "it makes code while it runs"


def _tier(old: Terms, new: Terms) -> Iterator[str]:
    if _is_weaker(new.minimum_tier, old.minimum_tier):
        yield f"it would be held by a sandbox of tier {new.minimum_tier} or better, not {old.minimum_tier} or better"


def _verdict(old: Terms, new: Terms) -> Iterator[str]:
    if missing := sorted(set(old.levels) - set(new.levels)):
        yield f"its verdict does not state {', '.join(missing)} any more"
    if _is_weaker(new.sandbox, old.sandbox):
        yield f"it was checked in a sandbox of tier {new.sandbox}, {old.version} in {old.sandbox}"


def _is_weaker(tier: str, other: str) -> bool:
    """Compare two tiers by name; a name that is none counts as no sandbox."""
    if tier == other:
        return False
    from theodore_loader.sandbox.tier import Tier  # brings everything that confines a process with it

    first, second = (Tier.__members__.get(name.upper(), Tier.NONE) for name in (tier, other))
    return first < second
