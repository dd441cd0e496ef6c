"""An inspection as JSON (``policies/schemas/inspection.schema.json``)."""

from __future__ import annotations

from typing import Any

import msgspec

from theodore_plugin.inspection.bundles import BundleFacts
from theodore_plugin.inspection.model import SCHEMA_VERSION, Inspection


def document(inspection: Inspection) -> dict[str, Any]:
    """Return the JSON form; ``verified`` is false, always."""
    plain: dict[str, Any] = msgspec.to_builtins(inspection)
    plain["bundles"] = [bundle(one) for one in inspection.bundles]
    return {"schema": SCHEMA_VERSION, "verified": False, **plain}


def bundle(facts: BundleFacts) -> dict[str, Any]:
    """Return one bundle with every field of its certificate and log entry, and its statement."""
    return {
        "kind": facts.kind,
        "sha256": facts.sha256,
        "certificate": [list(field) for field in facts.certificate],
        "log": [list(field) for field in facts.log],
        "statement": None if facts.statement is None else msgspec.to_builtins(facts.statement),
    }
