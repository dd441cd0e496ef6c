"""From the claims of a verified token to what a certificate says: templates, and which results are acceptable.

A claim's value is data. It is put where the template says and nowhere else: a value that could be read as something
else afterwards (a path that climbs, a star, a blank, another script) is refused and never cleaned up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

MAX_LENGTH = 1024
_PIECES = re.compile(r"\{([^{}]*)\}")
_CLAIM = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[A-Za-z0-9._~:/@!$&'()+,;=%#-]+")
"""RFC 3986 without what globs, lists and query parsers give a meaning of their own: ``*``, ``?``, brackets."""
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'+/=^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class TemplateError(Exception):
    """The template cannot be read."""


class IdentityProblem(Exception):
    """A verified token has no identity a certificate could carry; the message says why."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text with claims in it: (literal, claim) pairs, a claim of ``""`` at the end of the text."""

    parts: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read ``https://host/{claim}``; raises :class:`TemplateError`."""
        pieces = _PIECES.split(text)
        literals, claims = pieces[::2], pieces[1::2]
        if any("{" in literal or "}" in literal for literal in literals):
            raise TemplateError(f"a brace of {text!r} has no partner")
        if not claims or not all(_CLAIM.fullmatch(claim) for claim in claims):
            raise TemplateError(f"{text!r} names no claim, or one that is none: write {{claim}}")
        return cls(tuple(zip(literals, [*claims, ""], strict=True)))

    @property
    def claims(self) -> tuple[str, ...]:
        """The claims it needs."""
        return tuple(claim for _, claim in self.parts if claim)

    def filled(self, claims: Mapping[str, Any]) -> str | None:
        """Return the text with ``claims`` in it, None where one is missing; raises :class:`IdentityProblem`."""
        if any(claims.get(name) in (None, "") for name in self.claims):
            return None
        return "".join(literal + (_text(claims[name], name) if name else "") for literal, name in self.parts)


def uri(text: str) -> str:
    """Return ``text`` if it is a URI that means one thing only; raises :class:`IdentityProblem`."""
    if len(text) > MAX_LENGTH or not _URI.fullmatch(text):
        raise IdentityProblem(f"the identity {text[:100]!r} is no URI of plain characters, {MAX_LENGTH} at most")
    parts = urlsplit(text)
    segments = unquote(parts.path).split("/")
    if parts.scheme in {"http", "https"} and (not parts.hostname or "@" in parts.netloc):
        raise IdentityProblem(f"the identity {text!r} has no host, or a user before it")
    if any(segment in {".", ".."} for segment in segments) or "" in segments[1:-1] or "%" in unquote(text):
        raise IdentityProblem(f"the identity {text!r} has a path that can be read in two ways")
    return text


def address(text: str) -> str:
    """Return ``text`` if it is one plain e-mail address; raises :class:`IdentityProblem`."""
    local, _, domain = text.rpartition("@")
    if len(text) > 254 or not _ADDRESS.fullmatch(text) or ".." in text or local[:1] == "." or local[-1:] == ".":
        raise IdentityProblem(f"the identity {text[:100]!r} is no plain e-mail address")
    if "." not in domain:
        raise IdentityProblem(f"the identity {text!r} has no domain")
    return text


def _text(value: Any, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise IdentityProblem(f"the claim {name!r} is neither text nor number")
    text = str(value)
    if len(text) > MAX_LENGTH or not text.isprintable():
        raise IdentityProblem(f"the claim {name!r} is too long, or cannot be printed")
    return text
