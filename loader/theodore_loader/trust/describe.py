"""A trust file in words, for people."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_loader.trust.revocation import Revocations
from theodore_loader.trust.trust_file import SignerRule, TrustFile


def describe(trust: TrustFile) -> Iterator[str]:
    """Yield lines that say whom ``trust`` believes, about what, and within which bounds."""
    yield f"trust file {trust.path}"
    for root in trust.roots.values():
        yield f"root {root.id}  sha256 {root.sha256}"
    for publisher in trust.publishers:
        yield f"publisher of {', '.join(publisher.plugins)}"
        yield from _signer(publisher.signer)
    for verifier in trust.verifiers:
        yield f"verifier {verifier.id}"
        yield from _signer(verifier.signer)
        yield from (f"    policy    sha256 {digest}" for digest in sorted(verifier.policies))
        if verifier.max_age_days is not None:
            yield f"    max age   {verifier.max_age_days} days"
    for exception in trust.loader.unsigned:
        yield f"unsigned sha256 {exception.sha256} until {exception.expires}: {exception.reason}"
    yield f"revocations {_revocations(trust)}"


def _signer(signer: SignerRule) -> Iterator[str]:
    yield f"    root      {signer.root}"
    yield f"    issuer    {signer.issuer}"
    yield f"    identity  {signer.identity}"
    yield from (f"    claim     {name} = {value}" for name, value in signer.claims.items())


def _revocations(trust: TrustFile) -> str:
    revocations = Revocations.beside(trust.path)
    if revocations.document is None:
        return f"none known: no list at {revocations.path}"
    document = revocations.document
    return f"list {document.sequence} of {document.issued:%Y-%m-%d}, {len(document.entries)} entries"
