"""Sigstore bundles as they are read from untrusted bytes: well-formed, and nothing in them verified yet."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from theodore_loader import strict_json
from theodore_loader.errors import Refused
from theodore_loader.trust.files import MAX_BUNDLE

if TYPE_CHECKING:
    from sigstore.models import Bundle

SIGN_AGAIN = "sign it again with `theodore-plugin sign`, or fetch wheel and bundle again from where they were published"


@dataclass(frozen=True, slots=True)
class ParsedBundle:
    """A well-formed bundle, not yet verified: sigstore's object and the plain document."""

    bundle: Bundle
    document: Mapping[str, Any]

    @property
    def artifact_digest(self) -> str | None:
        """The SHA-256 the bundle says it is for, from its hint or its log entry; unverified, for messages only."""
        with suppress(ValueError, TypeError, KeyError):
            return base64.b64decode(self.document["messageSignature"]["messageDigest"]["digest"]).hex()
        with suppress(ValueError, TypeError, KeyError):
            return str(
                json.loads(base64.b64decode(self._log_entry["canonicalizedBody"]))["spec"]["data"]["hash"]["value"]
            )
        return None

    @property
    def log_index(self) -> int | None:
        """Where the log has it: as it promised (over all its shards), or else as the proof says (in this one).

        Without a promise the number beside the proof is an unsigned hint, and not read.
        """
        with suppress(ValueError, TypeError, KeyError):
            place = self._log_entry if self.promised_at else self._log_entry["inclusionProof"]
            return int(place["logIndex"])
        return None

    def refuse_another_tree(self) -> None:
        """Raise ValueError unless the proof is about the very tree that the checkpoint signs.

        Sigstore compares their roots and not their sizes; with another size the same hashes prove another place.
        """
        proof = self._log_entry["inclusionProof"]
        if proof["checkpoint"]["envelope"].split("\n")[1] != str(proof["treeSize"]):
            raise ValueError("the proof is about a tree of another size than its checkpoint")

    @property
    def promised_at(self) -> datetime | None:
        """When the log promised to take it in; ``None`` without a promise, whose signature is what binds the time.

        Sigstore verifies no promise whose time is zero: such a one is anybody's, and would date a signature to 1970.
        """
        with suppress(ValueError, TypeError, KeyError):
            promised = int(self._log_entry["integratedTime"])
            if promised and self._log_entry["inclusionPromise"]["signedEntryTimestamp"]:
                return datetime.fromtimestamp(promised, UTC)
        return None

    @property
    def timestamps(self) -> Sequence[datetime]:
        """When timestamp authorities saw the signature, each as its own token says; unverified."""
        data = self.bundle.verification_material.timestamp_verification_data
        return [one.tst_info.gen_time for one in data.rfc3161_timestamps] if data else []

    def with_timestamp(self, index: int) -> Bundle:
        """Return the bundle with one of its timestamps only."""
        from sigstore.models import Bundle

        material = self.document["verificationMaterial"]
        data = material["timestampVerificationData"]
        data = {**data, "rfc3161Timestamps": [data["rfc3161Timestamps"][index]]}
        material = {**material, "timestampVerificationData": data}
        return Bundle.from_json(json.dumps({**self.document, "verificationMaterial": material}))

    @property
    def _log_entry(self) -> Mapping[str, Any]:
        entries = self.document["verificationMaterial"]["tlogEntries"]
        return entries[0] if isinstance(entries, list) and isinstance(entries[0], dict) else {}


def parse_bundle(data: bytes, max_bytes: int = MAX_BUNDLE) -> ParsedBundle:
    """Read a bundle from untrusted bytes; raises ``signature-invalid``."""
    from sigstore.models import Bundle

    try:
        strict_json.loads(data, max_bytes=max_bytes)
        bundle = Bundle.from_json(data)
        # What sigstore has understood is what it verifies; a field it reads under two names must not mean two things.
        return ParsedBundle(bundle, json.loads(bundle.to_json()))
    except Exception as error:
        raise Refused(
            "signature-invalid", f"this is no sigstore bundle: {reason_of(error)}", help=SIGN_AGAIN
        ) from error


def reason_of(error: Exception) -> str:
    """Return the first line of what a parser had to say, bounded: it may quote hostile input."""
    text = str(error).strip().partition("\n")[0]
    return (text or type(error).__name__)[:200]
