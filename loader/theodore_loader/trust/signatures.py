"""Sigstore bundles against the signers a trust file names: one sigstore verifier per root, never merged roots.

Every exception while a bundle is handled is a denial: hostile bundles raise all sorts of things inside parsers. The
only two outcomes besides success are :class:`OtherSigner` (authentic or not, this rule does not name it) and
``signature-invalid``.

Sigstore is imported on first use: it costs some 300 ms, and a host that finds a receipt never needs it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.trust.bundles import SIGN_AGAIN, ParsedBundle, reason_of
from theodore_loader.trust.certificate import claims_of, identity_of
from theodore_loader.trust.claims import CLAIMS
from theodore_loader.trust.identity import matches
from theodore_loader.trust.trust_file import Root, SignerRule

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier

_Result = TypeVar("_Result")
_Verify: TypeAlias = "Callable[[Verifier, Bundle, _SignerPolicy], _Result]"


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
                "signature-invalid", "its certificate was not valid when the log says it signed", help=SIGN_AGAIN
            ) from error
        except Exception as error:
            raise Refused(
                "signature-invalid", f"the signature does not verify: {reason_of(error)}", help=SIGN_AGAIN
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
            raise OtherSigner(f"it was signed by {identity!r}, but {reason_of(error)}") from None


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
            f"root {root_id!r} is no sigstore trusted root: {reason_of(error)}",
            help="ask the instance's owner for its trusted_root.json; `theodore-plugin trust export` writes ours",
        ) from error
    return trusted
