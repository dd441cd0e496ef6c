"""Sigstore bundles against the signers a trust file names: one sigstore verifier per root, never merged roots.

Every exception while a bundle is handled is a denial: hostile bundles raise all sorts of things inside parsers. The
only two outcomes besides success are :class:`OtherSigner` (authentic or not, this rule does not name it) and
``signature-invalid``.

Sigstore is imported on first use: it costs some 300 ms, and a host that finds a receipt never needs it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from theodore_loader import strict_json
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.trust.certificate import claims_of, identity_of
from theodore_loader.trust.claims import CLAIMS
from theodore_loader.trust.files import MAX_BUNDLE
from theodore_loader.trust.identity import matches
from theodore_loader.trust.trust_file import Root, SignerRule

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier

_Result = TypeVar("_Result")
_Verify: TypeAlias = "Callable[[Verifier, Bundle, _SignerPolicy], _Result]"
_RESIGN = "sign it again with `theodore-plugin sign`, or fetch wheel and bundle again from where they were published"


class OtherSigner(Exception):
    """The bundle is by somebody this rule does not name; the message says by whom, as far as that is known."""


@dataclass(frozen=True, slots=True)
class Signer:
    """An authenticated signer: the trust file's root, issuer, identity and claims of the certificate, the log's record.

    ``claims`` are the certificate's own, by the names of :data:`theodore_loader.trust.claims.CLAIMS`, those it has.
    ``signed_at`` is a verified time: the log's promise (Rekor v1) or a timestamp authority's (RFC 3161), never a hint.
    """

    root: str
    issuer: str
    identity: str
    log_index: int | None
    signed_at: datetime | None
    claims: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.identity} (issuer {self.issuer}, root {self.root})"


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
        """When the log promised to take it in; ``None`` without a promise, whose signature is what binds the time."""
        with suppress(ValueError, TypeError, KeyError):
            if self._log_entry["inclusionPromise"]["signedEntryTimestamp"]:
                return datetime.fromtimestamp(int(self._log_entry["integratedTime"]), UTC)
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


@dataclass(frozen=True, slots=True)
class Signatures:
    """Verifies bundles against signer rules, with one sigstore verifier per root."""

    roots: Mapping[str, Root]

    def artifact(self, data: bytes, parsed: ParsedBundle, rule: SignerRule) -> Signer:
        """Return who signed ``data``; raises :class:`OtherSigner` or ``signature-invalid``."""
        return self._checked(
            parsed, rule, lambda verifier, bundle, policy: verifier.verify_artifact(data, bundle, policy)
        )[0]

    def envelope(self, parsed: ParsedBundle, rule: SignerRule) -> tuple[Signer, str, bytes]:
        """Return who signed the DSSE envelope, its payload type and its payload; raises as :meth:`artifact`."""
        signer, (payload_type, payload) = self._checked(
            parsed, rule, lambda verifier, bundle, policy: verifier.verify_dsse(bundle, policy)
        )
        return signer, payload_type, payload

    def _checked(self, parsed: ParsedBundle, rule: SignerRule, verify: _Verify[_Result]) -> tuple[Signer, _Result]:
        from sigstore.errors import CertValidationError

        certificate, policy = parsed.bundle.signing_certificate, _SignerPolicy(rule)
        self._refuse_strangers(certificate, rule.root)
        verifier = self._verifier(rule.root)
        try:
            result = verify(verifier, parsed.bundle, policy)
            parsed.refuse_another_tree()
            identity, claims = identity_of(certificate), claims_of(certificate)
            signed_at = _signed_at(parsed, lambda bundle: verify(verifier, bundle, policy))
        except OtherSigner:
            raise
        except CertValidationError as error:
            raise Refused(
                "signature-invalid", "its certificate was not valid when the log says it signed", help=_RESIGN
            ) from error
        except Exception as error:
            raise Refused(
                "signature-invalid", f"the signature does not verify: {_reason(error)}", help=_RESIGN
            ) from error
        return Signer(rule.root, rule.issuer, identity, parsed.log_index, signed_at, claims), result

    def _refuse_strangers(self, certificate: Certificate, root: str) -> None:
        """Raise :class:`OtherSigner` for a certificate of another authority, before anything else of the bundle counts.

        Sigstore looks at the time first, and a stranger's timestamp is no time: the bundle would seem to be broken
        instead of another root's.
        """
        trusted = self.roots[root]
        for authority in _authorities(trusted.id, trusted.document):
            with suppress(Exception):
                certificate.verify_directly_issued_by(authority)
                return
        raise OtherSigner(f"its certificate was not issued under root {root!r}")

    def _verifier(self, root: str) -> Verifier:
        trusted = self.roots[root]
        return _make_verifier(trusted.id, trusted.document)


def parse_bundle(data: bytes, max_bytes: int = MAX_BUNDLE) -> ParsedBundle:
    """Read a bundle from untrusted bytes; raises ``signature-invalid``."""
    from sigstore.models import Bundle

    try:
        strict_json.loads(data, max_bytes=max_bytes)
        bundle = Bundle.from_json(data)
        # What sigstore has understood is what it verifies; a field it reads under two names must not mean two things.
        return ParsedBundle(bundle, json.loads(bundle.to_json()))
    except Exception as error:
        raise Refused("signature-invalid", f"this is no sigstore bundle: {_reason(error)}", help=_RESIGN) from error


class _SignerPolicy:
    """A rule as a sigstore verification policy: exact issuer, one identity that fits, every claim."""

    def __init__(self, rule: SignerRule) -> None:
        self._rule = rule

    def verify(self, cert: Certificate) -> None:
        """Raise :class:`OtherSigner` unless the certificate is the rule's signer."""
        from sigstore.errors import VerificationError
        from sigstore.verify import policy

        try:
            identity = identity_of(cert)
        except ValueError as error:
            raise OtherSigner(f"its certificate {error}") from None
        if not matches(self._rule.identity, identity):
            raise OtherSigner(f"it was signed by {identity!r}, not by {self._rule.identity!r}")
        try:
            policy.OIDCIssuerV2(self._rule.issuer).verify(cert)
            for claim, value in self._rule.claims.items():
                getattr(policy, CLAIMS[claim])(value).verify(cert)
        except VerificationError as error:
            raise OtherSigner(f"it was signed by {identity!r}, but {_reason(error)}") from None


def _signed_at(parsed: ParsedBundle, verify: Callable[[Bundle], object]) -> datetime | None:
    """Return the verified time of a bundle that verified; of several, the latest: revocation errs to that side.

    Sigstore demands one verified time and does not tell which. A promise it always verifies, and so the only timestamp
    where there is no promise. Of several timestamps each is tried alone.
    """
    times = parsed.timestamps
    if parsed.promised_at or len(times) < 2:
        return parsed.promised_at or next(iter(times), None)
    verified = []
    for index, moment in enumerate(times):
        with suppress(Exception):
            verify(parsed.with_timestamp(index))
            verified.append(moment)
    return max(verified)


@lru_cache(maxsize=32)
def _authorities(root_id: str, document: bytes) -> Sequence[Certificate]:
    return trusted_root(root_id, document).get_fulcio_certs()


@lru_cache(maxsize=32)
def _make_verifier(root_id: str, document: bytes) -> Verifier:
    from sigstore.verify import Verifier

    return Verifier(trusted_root=trusted_root(root_id, document))


def trusted_root(root_id: str, document: bytes) -> TrustedRoot:
    """Read a trusted root. Raises ConfigurationProblem, naming ``root_id``, if the document is none."""
    from sigstore.models import ClientTrustConfig

    # The only public way to build a trusted root from bytes already in hand: inside a client trust configuration.
    try:
        config = {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": json.loads(document),
            "signingConfig": {"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"},
        }
        trusted = ClientTrustConfig.from_json(json.dumps(config)).trusted_root
        trusted.get_fulcio_certs()
    except Exception as error:
        raise ConfigurationProblem(
            f"root {root_id!r} is no sigstore trusted root: {_reason(error)}",
            help="ask the instance's owner for its trusted_root.json; `theodore-plugin trust export` writes ours",
        ) from error
    return trusted


def _reason(error: Exception) -> str:
    """Return the first line of what a parser had to say, bounded: it may quote hostile input."""
    text = str(error).strip().partition("\n")[0]
    return (text or type(error).__name__)[:200]
