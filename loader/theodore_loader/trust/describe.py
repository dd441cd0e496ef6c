"""A trust file in words, for people."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_loader.trust.revocations.owner import own_list, own_path
from theodore_loader.trust.trust_file import SignerRule, TrustFile


def describe(trust: TrustFile) -> Iterator[str]:
    """Yield lines that say whom ``trust`` believes, about what, and within which bounds."""
    yield f"trust file {trust.path}"
    for root in trust.roots.values():
        yield f"root {root.id}  sha256 {root.sha256}" + (f"  until {root.until}" if root.until else "")
    for publisher in trust.publishers:
        yield f"publisher of {', '.join(publisher.plugins)}"
        yield from _signer(publisher.signer)
        if publisher.registry is not None:
            yield f"    registry  {publisher.registry}"
    for verifier in trust.verifiers:
        yield f"verifier {verifier.id}"
        yield from _signer(verifier.signer)
        yield from (f"    policy    sha256 {digest}" for digest in sorted(verifier.policies))
        if verifier.max_age_days is not None:
            yield f"    max age   {verifier.max_age_days} days"
    for revoker in trust.revokers:
        yield f"revoker {revoker.id}"
        yield from _signer(revoker.signer)
        if revoker.max_age_days is not None:
            yield f"    max age   {revoker.max_age_days} days"
        if revoker.url is not None:
            yield f"    url       {revoker.url}"
    for exception in trust.loader.unsigned:
        yield f"unsigned sha256 {exception.sha256} until {exception.expires}: {exception.reason}"
    yield f"revocations {_own_list(trust)}"


def _signer(signer: SignerRule) -> Iterator[str]:
    yield f"    root      {signer.root}"
    yield f"    issuer    {signer.issuer}"
    yield f"    identity  {signer.identity}"
    yield from (f"    claim     {name} = {value}" for name, value in signer.claims.items())


def _own_list(trust: TrustFile) -> str:
    own = own_list(own_path(trust.path))
    if own is None:
        return f"none known: no list at {own_path(trust.path)}" if not trust.revokers else "of the revokers above alone"
    return f"list {own.facts.sequence} of {own.facts.issued:%Y-%m-%d}, {own.facts.entries} entries"
