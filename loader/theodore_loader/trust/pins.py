"""What this host remembers of every plugin it ever had installed: by whom, on which terms, and the highest version.

::

    <home>/pins/<name>.json     one plugin; survives its removal
    <home>/pins/.lock

The first installation pins a plugin to whoever signed it. From then on another signer is ``signer-changed``, a version
below the highest is ``version-went-back``, and terms that reach further are ``upgrade-needs-consent``
(``theodore_loader.difference``), at every installation and at every load, until somebody consents to the exact digest.

One file each, so that a load reads what is about its plugin and damage stays with one. An installation writes three
times: the new terms as ``pending``, the record of installed plugins (its caller does that), the new terms as
``installed``. Whenever it is killed, either the old version is recorded and its terms are known, or the new one is.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from filelock import FileLock
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from theodore_loader import strict_json
from theodore_loader.difference import Increase, Kind, in_words, increases, strongest_rule
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.paths import private_dir
from theodore_loader.permissions import PatternError
from theodore_loader.trust.protected import file_state, read_protected
from theodore_loader.trust.terms import Terms
from theodore_loader.whole_file import replace_file

CONSENT_DIGITS = 16
"""So much of a digest is enough to mean one wheel and no other."""
_MAX_BYTES = 16 << 20
_FIRST = Increase(Kind.FIRST, "it was never installed here, and the policy wants somebody to agree")
_DIGITS = re.compile(rf"[0-9a-f]{{{CONSENT_DIGITS},64}}")


class Pin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is remembered of one plugin. ``highest`` is the highest version ever installed, ``None`` before the first.

    ``pending`` are terms that were agreed to while the record of installed plugins may still name the version before.
    """

    schema: Literal[1]
    plugin: str
    highest: str | None
    installed: Terms | None
    pending: Terms | None = None

    def accepted(self, sha256: str) -> Terms | None:
        """Return the terms on which exactly this wheel was accepted, if it was."""
        return next((terms for terms in (self.pending, self.installed) if terms and terms.sha256 == sha256), None)


@dataclass(frozen=True, slots=True)
class Consent:
    """What whoever installs has agreed to: one wheel, by the beginning of its digest, a lower version, a yanked one.

    Raises ConfigurationProblem for a digest too short to mean one wheel only.
    """

    digest: str | None = None
    downgrade: bool = False
    yanked: bool = False

    def __post_init__(self) -> None:
        if self.digest is not None and not _DIGITS.fullmatch(self.digest):
            raise ConfigurationProblem(
                f"{self.digest!r} does not name one wheel",
                help=f"give the SHA-256 that was shown with the difference, its first {CONSENT_DIGITS} digits at least",
            )

    def refuse_another(self, sha256: str) -> None:
        """Raise :class:`Refused` if another wheel was agreed to than this one, whatever this one would need."""
        if self.digest is not None and not sha256.startswith(self.digest):
            raise Refused(
                "upgrade-needs-consent",
                f"somebody agreed to the wheel with sha256 {self.digest}, and this one has {sha256}",
                help="look at the difference again; the wheel was exchanged, or the digest is another one's",
            )

    def covers(self, increase: Increase, sha256: str) -> bool:
        """Tell whether ``increase`` of the wheel ``sha256`` was agreed to."""
        if increase.kind is Kind.VERSION:
            return self.downgrade
        return self.digest is not None and sha256.startswith(self.digest)


NO_CONSENT = Consent()


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was read: its state on disk, what it says, its digest."""

    state: tuple[int, ...]
    pin: Pin
    sha256: str


class Pins:
    """The pins of one state folder; several processes may use it at once."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "pins"
        self._folder_text = str(self._folder)
        self._seen: dict[str, _Seen] = {}

    def get(self, name: str) -> Pin | None:
        """Return what is remembered of a plugin.

        Raises:
            ConfigurationProblem: the file is damaged, or others could have written it: nothing is known for certain.

        """
        path = self._place(name)
        try:
            state = file_state(os.stat(path))  # noqa: PTH116 - asked several times for every plugin
            if name in self._seen and self._seen[name].state == state:  # not written to since it was read
                return self._seen[name].pin
            data = read_protected(path, _MAX_BYTES)
        except FileNotFoundError:
            return None
        try:
            pin = _read(data, name)
        except (strict_json.JsonError, msgspec.ValidationError, PatternError, InvalidVersion, ValueError) as problem:
            raise ConfigurationProblem(
                f"{path} is damaged: {problem}. Who published {name} before, and which version, is not known any more",
                help=f"restore it from a backup; or remove it, and the next installation of {name} counts as its first",
            ) from None
        self._seen[name] = _Seen(state, pin, hashlib.sha256(data).hexdigest())
        return pin

    def digest(self, name: str) -> str | None:
        """Return the SHA-256 of what is remembered of a plugin; ``None`` where nothing is. Raises as :meth:`get`."""
        return None if self.get(name) is None else self._seen[name].sha256

    def increases(self, name: str, terms: Terms, *, first: bool = False) -> tuple[Increase, ...]:
        """Return why a wheel needs somebody's consent before it is installed or loaded; raises as :meth:`get`.

        ``first`` tells whether a plugin needs it that was never installed.
        """
        return _increases(self.get(name), terms, first=first)

    def refuse(self, name: str, terms: Terms, consent: Consent = NO_CONSENT, *, first: bool = False) -> str:
        """Raise :class:`Refused` for what nobody agreed to; return what there is to say otherwise.

        Raises:
            Refused: ``signer-changed``, ``version-went-back`` or ``upgrade-needs-consent``; every reason is named.
            ConfigurationProblem: as :meth:`get`.

        """
        consent.refuse_another(terms.sha256)
        pin = self.get(name)
        found = _increases(pin, terms, first=first)
        old = pin.installed if pin else None
        missing = [increase for increase in found if not consent.covers(increase, terms.sha256)]
        if missing:
            raise _refused(name, old, terms, missing)
        if found:
            return f"agreed to: {in_words(found)}"
        return f"no more than {old.version}, which was installed" if old else f"{name} is pinned to nobody yet"

    @contextmanager
    def accepting(self, name: str, terms: Terms, consent: Consent = NO_CONSENT) -> Iterator[None]:
        """Pin a plugin to new terms; in the block the caller records it as installed. Raises as :meth:`refuse`.

        Only one installation at a time is in the block. What another one pinned meanwhile is what counts.
        """
        private_dir(self._folder)
        with FileLock(self._folder / ".lock"):
            self.refuse(name, terms, consent)
            before = self.get(name)
            highest = None if before is None else before.highest
            self._write(Pin(1, canonicalize_name(name), highest, None if before is None else before.installed, terms))
            try:
                yield
            except BaseException:
                with suppress(OSError):  # what stays is an agreement to exactly this wheel
                    self._restore(name, before)
                raise
            self._write(Pin(1, canonicalize_name(name), _higher(highest, terms.version), terms))

    def settle(self, name: str, sha256: str) -> None:
        """Finish an installation that was killed after ``sha256`` had been recorded as installed."""
        pin = self.get(name)
        if pin is None or pin.pending is None or pin.pending.sha256 != sha256:
            return
        with FileLock(self._folder / ".lock"):
            if self.get(name) == pin:
                self._write(Pin(1, canonicalize_name(name), _higher(pin.highest, pin.pending.version), pin.pending))

    def _write(self, pin: Pin) -> None:
        data = msgspec.json.format(msgspec.json.encode(pin, order="sorted"), indent=2) + b"\n"
        replace_file(self._path(pin.plugin), data)

    def _restore(self, name: str, before: Pin | None) -> None:
        if before is None:
            self._path(name).unlink(missing_ok=True)
        else:
            self._write(before)

    def _path(self, name: str) -> Path:
        return Path(self._place(name))

    def _place(self, name: str) -> str:
        return f"{self._folder_text}/{canonicalize_name(name)}.json"


def _increases(pin: Pin | None, terms: Terms, *, first: bool = False) -> tuple[Increase, ...]:
    if pin is None or pin.installed is None:
        return (_FIRST,) if first else ()
    known = pin.accepted(terms.sha256)
    if known is None:
        return increases(pin.installed, terms, pin.highest)
    # the very wheel that was agreed to: who else may have signed it since is all that can be new
    return tuple(one for one in increases(known, terms) if one.kind is Kind.SIGNER)


def _read(data: bytes, name: str) -> Pin:
    pin = msgspec.convert(strict_json.loads(data, max_bytes=_MAX_BYTES), Pin)
    if pin.plugin != canonicalize_name(name):
        raise ValueError(f"it is about {pin.plugin}")
    if pin.installed is not None and pin.highest is None:
        raise ValueError("it names no highest version")
    for terms in filter(None, (pin.installed, pin.pending)):
        Version(terms.version)
        _ = terms.asked
    Version(pin.highest or "0")
    return pin


def _higher(highest: str | None, version: str) -> str:
    return version if highest is None or Version(version) > Version(highest) else highest


def _refused(name: str, old: Terms | None, terms: Terms, missing: list[Increase]) -> Refused:
    flags = []
    if any(increase.kind is not Kind.VERSION for increase in missing):
        flags.append(f"--accept {terms.sha256[:CONSENT_DIGITS]}")
    if any(increase.kind is Kind.VERSION for increase in missing):
        flags.append("--allow-downgrade")
    what = f"replace {old.version}" if old else "come in"
    return Refused(
        strongest_rule(missing),
        f"{name} {terms.version} does not {what} by itself: {in_words(missing)}",
        help=f"look at the difference; if you accept it: theodore-plugin install WHEEL {' '.join(flags)}",
    )
