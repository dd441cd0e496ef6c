"""What this host's lists say about a wheel or an installed plugin."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from theodore_loader.artifact.lock import locked_packages
from theodore_loader.artifact.store import Store
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.installed import Installed, InstalledPlugin
from theodore_loader.trust.attestations import authenticate
from theodore_loader.trust.bundles import parse_bundle
from theodore_loader.trust.files import SignedFiles
from theodore_loader.trust.identity import matches
from theodore_loader.trust.receipts import Receipts
from theodore_loader.trust.revocations.index import Subject
from theodore_loader.trust.revocations.lookup import Revocations
from theodore_loader.trust.signatures import OtherSigner, Signatures, Signer
from theodore_loader.trust.trust_file import TrustFile

_DIGEST = re.compile(r"[0-9a-f]{64}")


def subject_of(name_or_digest: str, revocations: Revocations) -> Subject:
    """Return what is to be looked up: a digest alone, or an installed plugin with signers, registries, dependencies.

    Raises ConfigurationProblem if no such plugin is installed, Refused if its signatures do not verify.
    """
    if _DIGEST.fullmatch(name_or_digest):
        return Subject(name_or_digest, "", "")
    if re.fullmatch(r"[0-9A-Fa-f]{40,}", name_or_digest):
        raise ConfigurationProblem(f"{name_or_digest} is no SHA-256", help="give 64 lower-case hex digits")
    plugin = Installed(revocations.home).get(name_or_digest)
    publisher, others = _signers(plugin, revocations.trust, revocations.home)
    signers = tuple(signer for signer in (publisher, *others) if signer is not None)
    registries = revocations.registries(plugin.name, publisher)
    brings = locked_packages(Store(revocations.home).open(plugin.sha256).wheel.lock)
    return Subject(plugin.sha256, plugin.name, plugin.version, registries, signers, brings)


def _signers(plugin: InstalledPlugin, trust: TrustFile, home: Path) -> tuple[Signer | None, Sequence[Signer]]:
    """Return who signed a plugin, and who stated something about it: by receipt, or anew."""
    files = Installed(home).signed(plugin, Store(home).open(plugin.sha256).wheel.data)
    receipt = Receipts(home).find(files, plugin.sha256, trust)
    if receipt is not None:
        return receipt.publisher, [one.signer for one in receipt.attestations]
    if files.bundle is None:
        return None, ()  # accepted by its digest
    signatures = Signatures(trust.roots)
    attested = authenticate(files.attestations, trust, signatures, files.filename, plugin.sha256)
    return _publisher(plugin.name, files, trust, signatures), [one.signer for one in attested]


def _publisher(name: str, files: SignedFiles, trust: TrustFile, signatures: Signatures) -> Signer | None:
    parsed = parse_bundle(files.bundle or b"")
    for rule in trust.publishers:
        if any(matches(glob, name) for glob in rule.plugins):
            try:
                return signatures.artifact(files.data, parsed, rule.signer)
            except OtherSigner:
                continue
    return None
