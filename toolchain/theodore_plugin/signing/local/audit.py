"""Holding an instance's logs against themselves and against everything they ever promised.

1 the file is a sound SQLite file
2 every tree's entries stand without a gap, and every stored hash follows from them
3 every checkpoint ever issued is by this instance's key, and is the head the tree had at that size
4 every logged signature's certificate is in the certificate log
5 every bundle that is handed in stands in the log where it says, under a checkpoint the log still continues

What was cut, rewritten or put back from an older copy fails one of them. Whoever holds the keys *and* every file can
rewrite all of it consistently: only the checkpoints inside bundles elsewhere tell (step 5).
"""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from theodore_loader.errors import ConfigurationProblem, LoaderError
from theodore_plugin.signing.local import merkle
from theodore_plugin.signing.local.checkpoint import verified_head
from theodore_plugin.signing.local.instance import LocalInstance
from theodore_plugin.signing.local.issued import Head
from theodore_plugin.signing.local.trees import SignedTree

_Nodes = dict[tuple[int, int], bytes]
_HELP = "do not sign with this instance any more; compare with a backup, or replace it: theodore-plugin trust rotate"


class LogInvalidError(LoaderError):
    """The logs are not what they promised to be."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the transparency log does not hold: {reason}", help=_HELP)


@dataclass(frozen=True, slots=True)
class TreeAudit:
    """One tree that holds: its head, and how many checkpoints over it were issued."""

    name: str
    origin: str
    head: Head
    checkpoints: int
    torn: int
    """Lines of the checkpoint file that a power cut left half written."""


def audit(instance: LocalInstance, bundles: Iterable[bytes] = ()) -> Sequence[TreeAudit]:
    """Check everything there is; raises :class:`LogInvalidError` at the first thing that does not hold.

    ``bundles`` are sigstore bundles signed with this instance, as witnesses.
    """
    trees = instance.trees
    with instance.log.reading() as connection:
        _sound(connection)
        content = {tree.name: _Content.read(connection, tree.name) for tree in (trees.rekor, trees.rekor2, trees.ct)}
    audits = [_audited(tree, content[tree.name]) for tree in (trees.rekor, trees.rekor2, trees.ct)]
    for tree in (trees.rekor, trees.rekor2):
        _certified(tree.name, content[tree.name].bodies, content["ct"].bodies)
    for bundle in bundles:
        _witnessed(bundle, {tree.id: (tree, content[tree.name]) for tree in (trees.rekor, trees.rekor2)})
    return audits


@dataclass(frozen=True, slots=True)
class _Content:
    """A tree as stored, with every hash computed again from the entries."""

    bodies: Sequence[bytes]
    nodes: _Nodes

    @classmethod
    def read(cls, connection: sqlite3.Connection, tree: str) -> _Content:
        query = "SELECT position, body FROM entry WHERE tree = ? ORDER BY position"
        rows = connection.execute(query, (tree,)).fetchall()
        if [position for position, _ in rows] != list(range(len(rows))):
            raise LogInvalidError(f"entries of {tree!r} are missing")
        bodies = [bytes(body) for _, body in rows]
        nodes = _computed(bodies)
        query = "SELECT level, position, hash FROM node WHERE tree = ?"
        stored = {(level, place): bytes(digest) for level, place, digest in connection.execute(query, (tree,))}
        if stored != nodes:
            raise LogInvalidError(f"the entries of {tree!r} were changed: their hashes are not the stored ones")
        return cls(bodies, nodes)

    def head(self, size: int) -> Head:
        return Head(size, merkle.root_hash(lambda level, place: self.nodes[level, place], size))


def _sound(connection: sqlite3.Connection) -> None:
    (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        raise LogInvalidError(f"the file is damaged: {answer}")


def _computed(bodies: Iterable[bytes]) -> _Nodes:
    nodes: _Nodes = {}
    for index, body in enumerate(bodies):
        for level, place, digest in merkle.grown(lambda *at: nodes[at], index, merkle.leaf_hash(body)):
            nodes[level, place] = digest
    return nodes


def _audited(tree: SignedTree, content: _Content) -> TreeAudit:
    notes = list(tree.log.issued[tree.name].notes())
    for note in notes:
        if note is not None:
            _continued(tree, content, note)
    whole = sum(note is not None for note in notes)
    return TreeAudit(tree.name, tree.origin, content.head(len(content.bodies)), whole, len(notes) - whole)


def _continued(tree: SignedTree, content: _Content, note: str) -> Head:
    """Return the head of a checkpoint that the tree still continues."""
    try:
        head = verified_head(note, tree.origin, tree.key.public_key())
    except (ValueError, binascii.Error) as error:
        raise LogInvalidError(f"a checkpoint of {tree.name!r} is not by this instance: {error}") from error
    if head.size > len(content.bodies):
        raise LogInvalidError(
            f"{tree.name!r} was cut: it holds {len(content.bodies)} entries, a checkpoint over {head.size} was issued"
        )
    if content.head(head.size) != head:
        raise LogInvalidError(f"{tree.name!r} was rewritten: its first {head.size} entries are not those promised")
    return head


def _certified(name: str, bodies: Iterable[bytes], certificates: Sequence[bytes]) -> None:
    logged = {entry[_CT_HEADER:-2] for entry in certificates}
    for index, body in enumerate(bodies):
        if _certificate(body).tbs_precertificate_bytes not in logged:
            raise LogInvalidError(f"entry {index} of {name!r} is signed with a certificate that was never logged")


_CT_HEADER = 12 + 32 + 3
"""Version, type, time and entry type; hash of the issuer's key; length of what follows (RFC 6962, section 3.4)."""


def _certificate(body: bytes) -> x509.Certificate:
    """Return the certificate of a canonical entry of either version."""
    kind, spec = (entry := json.loads(body))["kind"], entry["spec"]
    if entry["apiVersion"] == "0.0.1":
        (verifier,) = (
            [signature["verifier"] for signature in spec["signatures"]]
            if kind == "dsse"
            else [spec["signature"]["publicKey"]["content"]]
        )
        return x509.load_pem_x509_certificate(base64.b64decode(verifier))
    signature = spec["dsseV002"]["signatures"][0] if kind == "dsse" else spec["hashedRekordV002"]["signature"]
    return x509.load_der_x509_certificate(base64.b64decode(signature["verifier"]["x509Certificate"]["rawBytes"]))


def _witnessed(bundle: bytes, trees: dict[bytes, tuple[SignedTree, _Content]]) -> None:
    try:
        entry = json.loads(bundle)["verificationMaterial"]["tlogEntries"][0]
        log, body = base64.b64decode(entry["logId"]["keyId"]), base64.b64decode(entry["canonicalizedBody"])
        proof: dict[str, Any] = entry["inclusionProof"]
        index, note = int(proof["logIndex"]), str(proof["checkpoint"]["envelope"])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise ConfigurationProblem("a file that was to be a witness is no sigstore bundle", help=_WITNESS) from error
    if log not in trees:
        raise ConfigurationProblem("a bundle that was to be a witness is in another log", help=_WITNESS)
    tree, content = trees[log]
    _continued(tree, content, note)
    if not 0 <= index < len(content.bodies) or content.bodies[index] != body:
        raise LogInvalidError(f"a bundle says it is entry {index} of {tree.name!r}, and is not")


_WITNESS = "name bundles that this instance has signed: WHEEL.sigstore.json"
