"""Typed access to the tables of a trust file, collecting every problem with its line instead of stopping."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from typing import Any, TypedDict

from theodore_loader.trust.claims import CLAIMS
from theodore_loader.trust.toml_lines import Lines

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLUGIN_GLOB = re.compile(r"[a-z0-9*][a-z0-9*-]{0,63}")
REVOKER_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
"""Files of the state folder are named after it."""
_MAX_DAYS = 36_500


class SignerFields(TypedDict):
    """The fields that name a signer."""

    root: str
    issuer: str
    identity: str
    claims: dict[str, str]


class Table:
    """One table. Every accessor notes what is wrong and returns an empty value in its place."""

    def __init__(self, reader: Reader, section: str, index: int, values: Mapping[str, Any]) -> None:
        self._reader = reader
        self._section = section
        self._index = index
        self._values = values
        self._known: set[str] = set()

    @property
    def line(self) -> int:
        """The line the table begins on."""
        return self._reader.lines.section(self._section, self._index)

    def line_of(self, key: str) -> int:
        """Return the line ``key`` is on, or the table's where it has none."""
        return self._reader.lines.key(self._section, self._index, key)

    def problem(self, key: str, message: str) -> None:
        """Note a problem at ``key``."""
        self._reader.problem(self.line_of(key), message)

    def text(self, key: str) -> str:
        """Return a required text that can be shown and compared."""
        value = self._required(key, str, "text")
        if value and not value.isprintable():
            self.problem(key, f"{key} holds unprintable characters")
            return ""
        return value or ""

    def sha256(self, key: str) -> str:
        """Return a required SHA-256 in lower-case hex."""
        value = self.text(key)
        if value and not _SHA256.fullmatch(value):
            self.problem(key, f"{key} is not a SHA-256 of 64 lower-case hex digits")
            return ""
        return value

    def sha256_list(self, key: str) -> tuple[str, ...]:
        """Return a required list of SHA-256 digests, at least one."""
        return self._texts(key, _SHA256, "a SHA-256 of 64 lower-case hex digits")

    def globs(self, key: str) -> tuple[str, ...]:
        """Return a required list of globs over normalised plugin names, at least one."""
        return self._texts(key, _PLUGIN_GLOB, "a plugin name or glob (lower-case letters, digits, hyphens, *)")

    def days(self, key: str) -> int | None:
        """Return an optional positive number of days."""
        value = self._optional(key)
        if value is None or (type(value) is int and 0 < value <= _MAX_DAYS):
            return value
        self.problem(key, f"{key} is not a number of days from 1 to {_MAX_DAYS}")
        return None

    def day(self, key: str) -> date | None:
        """Return an optional date."""
        value = self._optional(key)
        if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
            return value
        self.problem(key, f"{key} is a date, written YYYY-MM-DD without quotes")
        return None

    def flag(self, key: str) -> bool:
        """Return an optional yes or no, by default no."""
        value = self._optional(key)
        if value is not None and not isinstance(value, bool):
            self.problem(key, f"{key} is true or false")
        return value is True

    def revoker_id(self, key: str) -> str:
        """Return a required id of a revoker."""
        value = self.text(key)
        if value and not REVOKER_ID.fullmatch(value):
            self.problem(key, f"{key} is lower-case letters, digits, dots and hyphens, 64 at most")
            return ""
        return value

    def registry(self, key: str, revokers: Collection[str]) -> str | None:
        """Return the optional id of a revoker; with a list of its own to look into it need not be a [[revoker]]."""
        if self._optional(key) is None:
            return None
        value = self.revoker_id(key)
        if value and value not in revokers:
            self.problem(key, f"no [[revoker]] has the id {value!r}{_nearest(value, revokers)}")
        return value or None

    def address(self, key: str) -> str | None:
        """Return an optional address of a web server."""
        value = None if self._optional(key) is None else self.text(key)
        if value and not value.startswith(("https://", "http://")):
            self.problem(key, f"{key} is an https:// or http:// address")
        return value or None

    def constant(self, key: str, only: str) -> None:
        """Accept an optional text that has one allowed value."""
        value = self._optional(key)
        if value not in (None, only):
            self.problem(key, f"{key} can only be {only!r}")

    def signer(self, roots: Collection[str]) -> SignerFields:
        """Return root, issuer, identity and claims."""
        root, issuer, identity = self.text("root"), self.text("issuer"), self.text("identity")
        if root and root not in roots:
            self.problem("root", f"no acceptable [[root]] has the id {root!r}{_nearest(root, roots)}")
        if "*" in issuer:
            self.problem("issuer", "an issuer is exact; whoever may name issuers may name identities")
        if identity and not identity.strip("*"):
            self.problem("identity", "an identity of stars is everybody")
        return SignerFields(root=root, issuer=issuer, identity=identity, claims=self._claims())

    def exceptions(self, key: str) -> Iterator[tuple[str, str, date]]:
        """Yield (sha256, reason, expires) of every exception in an optional list."""
        for entry in self._list(self._optional(key), key):
            if not isinstance(entry, dict) or entry.keys() != {"sha256", "reason", "expires"}:
                self.problem(key, "an exception is { sha256 = …, reason = …, expires = YYYY-MM-DD } and nothing else")
            elif not (isinstance(entry["sha256"], str) and _SHA256.fullmatch(entry["sha256"])):
                self.problem(key, "an exception names one exact SHA-256")
            elif not (isinstance(entry["reason"], str) and entry["reason"].strip()):
                self.problem(key, "an exception gives its reason")
            elif not isinstance(entry["expires"], date) or isinstance(entry["expires"], datetime):
                self.problem(key, "an exception ends on a date, written YYYY-MM-DD without quotes")
            else:
                yield entry["sha256"], entry["reason"], entry["expires"]

    def finish(self) -> None:
        """Note the keys nobody asked for."""
        for key in self._values.keys() - self._known:
            self.problem(key, f"unknown key {key!r}{_nearest(key, self._known)}")

    def _claims(self) -> dict[str, str]:
        value = self._optional("claims")
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(claim, str) for claim in value.values()):
            self.problem("claims", 'claims are { name = "value" }')
            return {}
        for name in value.keys() - CLAIMS.keys():
            self.problem("claims", f"unknown claim {name!r}{_nearest(name, CLAIMS)}")
        return value

    def _texts(self, key: str, form: re.Pattern[str], what: str) -> tuple[str, ...]:
        values = self._required(key, list, "a list")
        if values is None:
            return ()
        if not values:
            self.problem(key, f"{key} is empty, which matches nothing")
        wrong = [value for value in values if not (isinstance(value, str) and form.fullmatch(value))]
        for value in wrong:
            self.problem(key, f"{value!r} is not {what}")
        return tuple(value for value in values if value not in wrong)

    def _list(self, value: Any, key: str) -> list[Any]:
        if isinstance(value, list):
            return value
        if value is not None:
            self.problem(key, f"{key} is a list")
        return []

    def _optional(self, key: str) -> Any:
        self._known.add(key)
        return self._values.get(key)

    def _required(self, key: str, kind: type, what: str) -> Any:
        value = self._optional(key)
        if value is None or value == "":
            self.problem(key, f"{key} is missing")
        elif not isinstance(value, kind):
            self.problem(key, f"{key} is {what}")
        else:
            return value
        return None


class Reader:
    """A parsed trust file, its lines, and the problems found so far."""

    def __init__(self, document: Mapping[str, Any], lines: Lines, problems: list[tuple[int, str]]) -> None:
        self._document = document
        self._problems = problems
        self.lines = lines

    def problem(self, line: int, message: str) -> None:
        """Note a problem."""
        self._problems.append((line, message))

    def check_top_level(self, schema: int, sections: Collection[str]) -> None:
        """Note an unknown schema and unknown sections."""
        if self._document.get("schema") != schema:
            self.problem(1, f"schema = {schema} is missing, or another one is given")
        for key in self._document.keys() - {"schema", *sections}:
            self.problem(self.lines.section(key), f"unknown section or key {key!r}{_nearest(key, sections)}")

    def tables(self, section: str) -> list[Table]:
        """Return the tables of ``[[section]]``."""
        value = self._document.get(section, [])
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            self.problem(self.lines.section(section), f"{section} is a list of tables: write [[{section}]]")
            return []
        return [Table(self, section, index, entry) for index, entry in enumerate(value)]

    def table(self, section: str) -> Table | None:
        """Return the table ``[section]``, if there is one."""
        value = self._document.get(section)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.problem(self.lines.section(section), f"{section} is one table: write [{section}]")
            return None
        return Table(self, section, 0, value)


def _nearest(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""
