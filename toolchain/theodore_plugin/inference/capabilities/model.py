"""What the capability map says about one name, and about one library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from theodore_sdk.info import PermissionType

Argument = tuple[int | None, str | None]
"""Where an argument is passed: its position, its keyword, or both."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What using a name does."""

    permission: PermissionType
    access: str
    target: str | None = None
    """How the argument becomes a pattern: url, host, address, bind, path, program, shell, variable, service, library,
    module; or the pattern itself after ``=``."""
    position: int | None = None
    keyword: str | None = None
    receiver: bool = False
    """The target is the object the method is called on (``Path("x").read_text()``)."""
    acts: bool = True
    modes: Argument | None = None
    """Argument holding an ``open`` mode, which decides between read and write."""
    fallback: str | None = None
    """The target when the argument is not given: a client's own service."""
    holds: bool = True
    """Whether a bare reference counts as having the capability."""
    given: bool = False
    """The effect is there only when the argument is passed (``basicConfig(filename=...)``)."""
    only: tuple[str, ...] = ()
    """The effect is there when the target's text starts with one of these: ``http://``."""
    unless: tuple[str, ...] = ()
    """The effect is not there when the target's text starts with one of these (``:memory:``)."""
    ambient: bool = False
    """What the library looks up for itself whenever it is used: shown, but nobody is asked to declare it."""
    source: str = ""

    def applies(self, texts: Iterable[str]) -> bool | None:
        """Say whether the effect is there for what the target may be; ``None`` when that decides it and is unknown."""
        if not self.only and not self.unless:
            return True
        answers = [self._applies_to(text) for text in texts]
        if any(answers):
            return True
        return None if not answers or None in answers else False

    def _applies_to(self, text: str) -> bool | None:
        known = text.partition("{*}")[0]
        for answer, prefixes in ((True, self.only), (False, self.unless)):
            if known.startswith(prefixes):
                return answer
            if known != text and any(prefix.startswith(known) for prefix in prefixes):
                return None  # a hole stands where the answer would
        return not self.only


@dataclass(frozen=True, slots=True)
class Library:
    """Defaults of one importable root."""

    root: str
    distribution: str | None
    default: Effect | None
    """What every unlisted name of the library does; ``None`` for safe."""
    source: str = ""
