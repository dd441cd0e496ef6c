"""Editing a trust file: sections are appended or taken out, so comments and order stay, and the result must parse."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import private_dir
from theodore_loader.regular_file import read_regular
from theodore_loader.trust.toml_sections import with_key, without
from theodore_loader.trust.trust_file import (
    MAX_BYTES,
    SCHEMA,
    Publisher,
    Revoker,
    Root,
    SignerRule,
    TrustFile,
    TrustFileProblems,
    Verifier,
    parse,
)
from theodore_loader.whole_file import replace_file

_Entry = TypeVar("_Entry")
ROOTS_FOLDER = "roots"
_ROOT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_HEADER = f"""\
# Whom this host believes. Nobody else is believed. The format is described in docs/guide/trust.md.
schema = {SCHEMA}
"""


class TrustEditor:
    """A trust file being edited; use as a context manager, which holds the lock and writes on success."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sections: list[str] = []
        self._taken: dict[str, set[int]] = {}
        self._limits: dict[str, date] = {}
        self._lock = FileLock(path.with_name(f".{path.name}.lock"), mode=0o600)
        self.trust = TrustFile(path, found=False)

    def __enter__(self) -> TrustEditor:
        private_dir(self._path.parent)
        self._lock.acquire()
        try:
            self.trust = TrustFile.load(self._path) if self._path.exists() else self.trust
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and (self._sections or self._taken or self._limits or not self.trust.found):
                self._write()
        finally:
            self._lock.release()

    def add_root(self, root_id: str, document: bytes) -> None:
        """Add a trusted root, kept as a file beside the trust file; one of the same id must be the same root."""
        if not _ROOT_ID.fullmatch(root_id):
            raise ConfigurationProblem(
                f"{root_id!r} is no id for a root", help="use lower-case letters, digits and hyphens, 64 at most"
            )
        sha256 = hashlib.sha256(document).hexdigest()
        known = self.trust.roots.get(root_id)
        if known is not None and known.sha256 == sha256:
            return
        if known is not None:
            raise ConfigurationProblem(
                f"{self._path} already has another root named {root_id!r}",
                help="choose another id, or remove the [[root]] of that id and what refers to it",
            )
        file = _root_file(root_id, sha256)
        private_dir(self._path.parent / ROOTS_FOLDER)
        replace_file(self._path.parent / file, document)
        self._add("root", {"id": root_id, "file": file.as_posix(), "sha256": sha256})
        self.trust = replace(self.trust, roots={**self.trust.roots, root_id: Root(root_id, sha256, document)})

    def add_publisher(self, publisher: Publisher, comment: str = "") -> None:
        """Add a publisher unless it is there."""
        if publisher not in self.trust.publishers:
            values = {"plugins": publisher.plugins, **_signer(publisher.signer)}
            registry = {} if publisher.registry is None else {"registry": publisher.registry}
            self._add("publisher", {**values, **registry}, comment)

    def add_verifier(self, verifier: Verifier, comment: str = "") -> None:
        """Add a verifier unless one that covers it is there."""
        if any(_covers(known, verifier) for known in self.trust.verifiers):
            return
        values = {"id": verifier.id, **_signer(verifier.signer), "policies": sorted(verifier.policies)}
        if verifier.max_age_days is not None:
            values["max_age_days"] = verifier.max_age_days
        self._add("verifier", values, comment)

    def add_revoker(self, revoker: Revoker, comment: str = "") -> None:
        """Add a revoker unless it is there. One of the same id and another signer is refused when it is written."""
        if revoker in self.trust.revokers:
            return
        bounds = {"max_age_days": revoker.max_age_days, "url": revoker.url}
        given = {key: value for key, value in bounds.items() if value is not None}
        self._add("revoker", {"id": revoker.id, **_signer(revoker.signer), **given}, comment)

    def limit_root(self, root_id: str, until: date) -> None:
        """Let a root count until a day and no longer; one that ends earlier stays as it is."""
        known = self._known(root_id).until
        if known is None or known > until:
            self._limits[root_id] = until

    def remove_root(self, root_id: str, *, with_rules: bool = False) -> tuple[str, ...]:
        """Remove a root, and with it what refers to it; returns in words what went.

        Raises ConfigurationProblem for an unknown root, and for one that is referred to unless ``with_rules``.
        """
        self._known(root_id)
        gone = [
            *self.remove_publishers(lambda rule: rule.signer.root == root_id),
            *self.remove_verifiers(lambda rule: rule.signer.root == root_id),
            *self.remove_revokers(lambda rule: rule.signer.root == root_id),
        ]
        if gone and not with_rules:
            raise ConfigurationProblem(
                f"root {root_id!r} is referred to: {'; '.join(gone)}",
                help="remove these first, or with it: theodore-plugin trust remove-root --with-rules",
            )
        self._take("root", list(self.trust.roots.values()), lambda root: root.id == root_id)
        return (f"root {root_id}", *gone)

    def remove_publishers(self, wanted: Callable[[Publisher], bool]) -> tuple[str, ...]:
        """Remove every publisher that is wanted gone; returns them in words."""
        taken = self._take("publisher", self.trust.publishers, wanted)
        return tuple(f"publisher of {', '.join(rule.plugins)}: {rule.signer.identity}" for rule in taken)

    def remove_verifiers(self, wanted: Callable[[Verifier], bool]) -> tuple[str, ...]:
        """Remove every verifier that is wanted gone; returns them in words."""
        return tuple(f"verifier {rule.id}" for rule in self._take("verifier", self.trust.verifiers, wanted))

    def remove_revokers(self, wanted: Callable[[Revoker], bool]) -> tuple[str, ...]:
        """Remove every revoker that is wanted gone; returns them in words.

        Raises ConfigurationProblem for one that a publisher names as its registry: its plugins' revocations would end.
        """
        taken = self._take("revoker", self.trust.revokers, wanted)
        gone = {rule.id for rule in taken}
        for publisher in self._left("publisher", self.trust.publishers):
            if publisher.registry in gone:
                raise ConfigurationProblem(
                    f"revoker {publisher.registry!r} is the registry of {', '.join(publisher.plugins)}",
                    help="remove that publisher first: theodore-plugin trust remove-publisher",
                )
        return tuple(f"revoker {rule.id}" for rule in taken)

    def _known(self, root_id: str) -> Root:
        root = self.trust.roots.get(root_id)
        if root is None:
            known = ", ".join(self.trust.roots) or "none"
            raise ConfigurationProblem(
                f"{self._path} has no root {root_id!r}; it has: {known}", help="theodore-plugin trust show"
            )
        return root

    def _take(self, section: str, entries: Sequence[_Entry], wanted: Callable[[_Entry], bool]) -> list[_Entry]:
        indexes = {index for index, entry in enumerate(entries) if wanted(entry)}
        if indexes:
            self._taken.setdefault(section, set()).update(indexes)
        return [entries[index] for index in sorted(indexes)]

    def _add(self, section: str, values: Mapping[str, object], comment: str = "") -> None:
        lines = [f"# {comment}"] if comment else []
        lines += [f"[[{section}]]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
        self._sections.append("\n".join(lines) + "\n")

    def _write(self) -> None:
        current = self._without_taken(read_regular(self._path, MAX_BYTES).decode()) if self.trust.found else _HEADER
        if not current.endswith("\n"):
            current += "\n"
        data = "\n".join([current, *self._sections]).encode()
        try:
            parse(data, self._path)
        except TrustFileProblems as refused:
            listed = "\n".join(f"  {message}" for _, message in refused.problems)
            raise ConfigurationProblem(
                f"what was to be added is not acceptable, {self._path} stays as it is:\n{listed}",
                help="`theodore-plugin trust show` lists the roots there are; docs/guide/trust.md describes the fields",
            ) from None
        replace_file(self._path, data)
        for root in self._gone_roots():
            (self._path.parent / _root_file(root.id, root.sha256)).unlink(missing_ok=True)

    def _without_taken(self, text: str) -> str:
        """Return the text with every edit of what was there; raises ConfigurationProblem if it says more or less."""
        if not self._taken and not self._limits:
            return text
        before = parse(text.encode(), self._path)
        try:
            edited = self._edited(text, list(before.roots))
            done = parse(edited.encode(), self._path) == self._meant(before)
        except (TrustFileProblems, IndexError):
            done = False
        if not done:
            raise ConfigurationProblem(
                f"{self._path} is written in a way that cannot be edited here; it stays as it is",
                help="edit it by hand; docs/guide/trust.md describes the fields",
            )
        return edited

    def _edited(self, text: str, roots: Sequence[str]) -> str:
        for root_id, until in self._limits.items():
            text = with_key(text, "root", roots.index(root_id), "until", until.isoformat())
        for section, indexes in self._taken.items():
            text = without(text, section, indexes)
        return text

    def _meant(self, before: TrustFile) -> TrustFile:
        limited = [replace(root, until=self._limits.get(root.id, root.until)) for root in before.roots.values()]
        return replace(
            before,
            roots={root.id: root for root in self._left("root", limited)},
            publishers=tuple(self._left("publisher", before.publishers)),
            verifiers=tuple(self._left("verifier", before.verifiers)),
            revokers=tuple(self._left("revoker", before.revokers)),
        )

    def _left(self, section: str, entries: Sequence[_Entry]) -> list[_Entry]:
        taken = self._taken.get(section, set())
        return [entry for index, entry in enumerate(entries) if index not in taken]

    def _gone_roots(self) -> list[Root]:
        return [root for index, root in enumerate(self.trust.roots.values()) if index in self._taken.get("root", ())]


def _root_file(root_id: str, sha256: str) -> Path:
    return Path(ROOTS_FOLDER) / f"{root_id}-{sha256[:12]}.json"


def _covers(known: Verifier, wanted: Verifier) -> bool:
    same = (known.id, known.signer, known.max_age_days) == (wanted.id, wanted.signer, wanted.max_age_days)
    return same and known.policies >= wanted.policies


def _signer(signer: SignerRule) -> dict[str, object]:
    values: dict[str, object] = {"root": signer.root, "issuer": signer.issuer, "identity": signer.identity}
    return {**values, "claims": signer.claims} if signer.claims else values


def _toml(value: object) -> str:
    """Write a value as TOML. JSON's strings, numbers and lists are TOML too, once DEL is escaped."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
