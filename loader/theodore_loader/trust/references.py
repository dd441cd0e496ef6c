"""A reference to documents about a wheel: its SBOM, by digest.

Source: in-toto attestation predicate *Reference* 0.1 (https://in-toto.io/attestation/reference/v0.1). The published
schema is ``policies/schemas/sbom-reference.schema.json``.
"""

from __future__ import annotations

from theodore_loader.trust.statements import Camel, DigestSet, Statement, StatementInvalid, Strict, converted

REFERENCE_TYPE = "https://in-toto.io/attestation/reference/v0.1"
CYCLONEDX = "application/vnd.cyclonedx+json"


class Attester(Strict, frozen=True):
    """Who provides the document."""

    id: str


class Document(Camel, frozen=True):
    """One document: its file name beside the wheel, what it is, and its digest."""

    download_location: str
    media_type: str
    digest: DigestSet


class References(Strict, frozen=True):
    """The predicate."""

    attester: Attester
    references: list[Document]

    @property
    def sbom(self) -> Document:
        """The one SBOM; :func:`read_references` has seen to it that there is one."""
        return next(document for document in self.references if document.media_type == CYCLONEDX)


def read_references(statement: Statement) -> References:
    """Read a reference statement; it names exactly one CycloneDX document. Raises StatementInvalid."""
    read = converted(statement.predicate, References)
    if sum(document.media_type == CYCLONEDX for document in read.references) != 1:
        raise StatementInvalid(f"references do not name exactly one document of type {CYCLONEDX}")
    return read
