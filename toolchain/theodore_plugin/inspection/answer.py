"""The answer of ``verify`` as JSON (``policies/schemas/verification.schema.json``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from theodore_loader.trust.attestations import Attestation
from theodore_loader.trust.files import SignedFiles
from theodore_loader.trust.provenance import Provenance, origins
from theodore_loader.trust.signatures import Signer
from theodore_loader.trust.steps import NotVerified, VerifiedStep
from theodore_loader.trust.verify import Verified

SCHEMA_VERSION = 1


def accepted(files: SignedFiles, verified: Verified, steps: Iterable[VerifiedStep]) -> dict[str, Any]:
    """Return the answer about a wheel that a host would load; ``steps`` are those of the whole command."""
    info = verified.manifest.info
    return {
        **_answer(files, steps),
        "verified": True,
        "plugin": {"name": info.name, "version": info.version},
        "sha256": verified.wheel.sha256,
        "grants": [str(permission) for permission in verified.grants.permissions],
        "publisher": _signer(verified.publisher),
        "verifier": _signer(verified.verifier),
        "verdict": msgspec.to_builtins(verified.verdict),
        "statements": [_statement(one) for one in verified.attestations],
        "origins": [
            {"repository": origin.repository, "commit": origin.commit, "dirty": origin.dirty}
            for one in verified.attestations
            if isinstance(one.predicate, Provenance)
            for origin in origins(one.predicate)
        ],
        "warnings": list(verified.warnings),
        "refusal": None,
    }


def refused(files: SignedFiles, refusal: NotVerified) -> dict[str, Any]:
    """Return the answer about a wheel that was refused, with the same keys."""
    return {
        **_answer(files, refusal.steps),
        "verified": False,
        "plugin": None,
        "sha256": None,
        "grants": [],
        "publisher": None,
        "verifier": None,
        "verdict": None,
        "statements": [],
        "origins": [],
        "warnings": [],
        "refusal": {
            "step": refusal.number,
            "title": refusal.title,
            "rule": refusal.rule,
            "message": refusal.message,
            "help": refusal.help,
        },
    }


def _answer(files: SignedFiles, steps: Iterable[VerifiedStep]) -> dict[str, Any]:
    listed = [{"number": one.number, "title": one.title, "detail": one.detail, "where": one.where} for one in steps]
    return {"schema": SCHEMA_VERSION, "offline": True, "wheel": files.filename, "steps": listed}


def _signer(signer: Signer | None) -> dict[str, Any] | None:
    if signer is None:
        return None
    return {
        "root": signer.root,
        "issuer": signer.issuer,
        "identity": signer.identity,
        "claims": dict(signer.claims),
        "logIndex": signer.log_index,
        "signedAt": None if signer.signed_at is None else signer.signed_at.isoformat(),
    }


def _statement(one: Attestation) -> dict[str, Any]:
    return {
        "kind": one.kind.label,
        "sha256": one.sha256,
        "signer": _signer(one.signer),
        "statement": msgspec.to_builtins(one.statement),
    }
