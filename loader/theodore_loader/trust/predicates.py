"""The four kinds of statement that lie beside a wheel: who may make each, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from theodore_loader.trust.provenance import PROVENANCE_TYPE, Provenance, read_provenance
from theodore_loader.trust.references import REFERENCE_TYPE, References, read_references
from theodore_loader.trust.statements import VSA_TYPE, Statement, StatementInvalid, Verdict, read_verdict
from theodore_loader.trust.vulnerabilities import VULNERABILITIES_TYPE, Vulnerabilities, read_vulnerabilities

Predicate = Provenance | Verdict | Vulnerabilities | References
Role = Literal["publisher", "verifier"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of statement: what to call it, whose word it is, and its reader."""

    label: str
    role: Role
    read: Callable[[Statement], Predicate]


KINDS: Mapping[str, Kind] = {
    PROVENANCE_TYPE: Kind("provenance", "publisher", read_provenance),
    VSA_TYPE: Kind("verdict", "verifier", read_verdict),
    VULNERABILITIES_TYPE: Kind("vulnerabilities", "verifier", read_vulnerabilities),
    REFERENCE_TYPE: Kind("SBOM reference", "publisher", read_references),
}
"""Predicate type → kind. The publisher knows how the wheel came about, the verifier what looking at it showed."""


def kind_of(statement: Statement) -> Kind:
    """Return the kind of a statement; raises StatementInvalid for any other."""
    kind = KINDS.get(statement.predicate_type)
    if kind is None:
        raise StatementInvalid(f"it is of unknown type {statement.predicate_type[:120]!r}")
    return kind
