"""The statement that binds an SBOM beside a wheel to the wheel, by digest."""

from __future__ import annotations

import hashlib

from theodore_loader.trust.references import CYCLONEDX, Attester, Document, References
from theodore_loader.trust.statements import DigestSet


def reference_to(sbom: bytes, filename: str, attester: str) -> References:
    """Return the reference to ``sbom``, which lies beside the wheel as ``filename``."""
    digest = DigestSet(hashlib.sha256(sbom).hexdigest())
    return References(Attester(attester), [Document(filename, CYCLONEDX, digest)])
