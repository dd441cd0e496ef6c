"""Who signed a wheel, as far as this machine believes anybody."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from theodore_loader.errors import Refused
from theodore_loader.policy import Policy
from theodore_loader.trust.bundles import parse_bundle
from theodore_loader.trust.files import SignedFiles
from theodore_loader.trust.identity import matches
from theodore_loader.trust.signatures import OtherSigner, Signatures
from theodore_loader.trust.statements import Verdict
from theodore_loader.trust.terms import PinnedSigner
from theodore_loader.trust.trust_file import TrustFile
from theodore_plugin.difference.side import Signing


@dataclass(frozen=True, slots=True)
class Signature:
    """What came out: who signed, in words too, and the verdict if the wheel passes every step of verification."""

    signing: Signing
    words: str
    publisher: PinnedSigner | None = None
    verdict: Verdict | None = None


def signature_of(files: SignedFiles, name: str, trust: TrustFile, policy: Policy) -> Signature:
    """Look at a wheel's signatures. Never raises for what is wrong with them: the words say it."""
    if files.bundle is None:
        return Signature(Signing.UNSIGNED, "not signed")
    try:
        publisher = _publisher(files, name, trust)
    except Refused as refusal:
        return Signature(Signing.NOT_BELIEVED, f"signed by nobody this machine believes ({refusal.rule})")
    verdict, refused = _verdict(files, trust, policy)
    words = f"signed by {publisher}" + (f", but refused here ({refused})" if refused else "")
    return Signature(Signing.BELIEVED, words, publisher, verdict)


def _publisher(files: SignedFiles, name: str, trust: TrustFile) -> PinnedSigner:
    rules = [rule for rule in trust.publishers if any(matches(glob, name) for glob in rule.plugins)]
    for rule in rules:
        with suppress(OtherSigner):
            signer = Signatures(trust.roots).artifact(files.data, parse_bundle(files.bundle or b""), rule.signer)
            return PinnedSigner.of(signer, trust.roots)
    raise Refused("signer-not-trusted", f"nobody this host believes has published {name}")


def _verdict(files: SignedFiles, trust: TrustFile, policy: Policy) -> tuple[Verdict | None, str]:
    from theodore_loader.trust.verify import verify

    try:
        verified = verify(
            files,
            trust=trust,
            policy=policy,
            purpose="install",
        )
    except Refused as refusal:
        return None, refusal.rule
    return verified.verdict, ""
