"""Adding to a trust file: sections are appended, so comments and order stay, and the result must parse."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import private_dir
from theodore_loader.trust.protected import replace_file
from theodore_loader.trust.trust_file import (
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

ROOTS_FOLDER = "roots"
_ROOT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_HEADER = f"""\
# Whom this host believes. Nobody else is believed. The format is described in docs/guide/trust.md.
schema = {SCHEMA}
"""


class TrustEditor:
    """A trust file being added to; use as a context manager, which holds the lock and writes on success."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sections: list[str] = []
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
            if kind is None and (self._sections or not self.trust.found):
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
        file = Path(ROOTS_FOLDER) / f"{root_id}-{sha256[:12]}.json"
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

    def _add(self, section: str, values: Mapping[str, object], comment: str = "") -> None:
        lines = [f"# {comment}"] if comment else []
        lines += [f"[[{section}]]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
        self._sections.append("\n".join(lines) + "\n")

    def _write(self) -> None:
        current = self._path.read_text(encoding="utf-8") if self.trust.found else _HEADER
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
