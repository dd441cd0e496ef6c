"""A survey for programs: JSON of version 1, described by ``policies/schemas/permissions.schema.json``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theodore_plugin import __version__
from theodore_plugin.finding import Step
from theodore_plugin.inference.model import Unknown
from theodore_plugin.survey.diff import Difference
from theodore_plugin.survey.model import Row, Survey, Surveyed

SCHEMA_VERSION = 1


def survey_dict(survey: Survey) -> dict[str, Any]:
    """Return a survey as plain values, in the order of the schema."""
    return {
        "schema": SCHEMA_VERSION,
        "tool": {"name": "theodore-plugin", "version": __version__},
        "package": _package(survey.package),
        "complete": survey.complete,
        "permissions": [_row(row) for row in survey.rows],
        "unknown": [_unknown(item) for item in survey.unknown],
        "calls": {"seen": survey.calls_seen, "resolved": survey.calls_resolved},
        "files": {
            "analysed": survey.analysed,
            "lines": survey.lines,
            "failed": [{"path": item.path, "reason": item.reason} for item in survey.failed],
            "skipped": [{"path": item.path, "reason": item.reason} for item in survey.skipped],
        },
        "startup_hooks": list(survey.startup_hooks),
        "native": list(survey.native),
        "distributions": [
            {"name": item.name, "version": item.version, "digest": item.digest} for item in survey.followed
        ],
        "declared": None
        if survey.declared is None
        else [{"type": p.type, "pattern": p.pattern, "description": p.description} for p in survey.declared],
    }


def difference_dict(difference: Difference) -> dict[str, Any]:
    """Return what two surveys differ in as plain values."""
    return {
        "schema": SCHEMA_VERSION,
        "tool": {"name": "theodore-plugin", "version": __version__},
        "old": _package(difference.old),
        "new": _package(difference.new),
        "complete": difference.complete,
        "gained": _changes(difference.gained, difference.gained_unknown, difference.gained_files),
        "lost": _changes(difference.lost, difference.lost_unknown, difference.lost_files),
    }


def _changes(rows: Sequence[Row], unknown: Sequence[Unknown], files: Sequence[str]) -> dict[str, Any]:
    return {
        "permissions": [_row(row) for row in rows],
        "unknown": [_unknown(item) for item in unknown],
        "files": list(files),
    }


def _package(package: Surveyed) -> dict[str, Any]:
    return {
        "name": package.name,
        "version": package.version,
        "kind": package.kind.value,
        "path": package.path,
        "digest": package.digest,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "type": row.type,
        "access": row.access,
        "target": row.target,
        "through": row.through,
        "phase": row.phase.value,
        "certainty": row.certainty.value,
        "sites": [
            {
                "symbol": site.symbol,
                "certainty": site.certainty.value,
                "chain": _chain(site.chain),
                "within": _chain(site.within),
            }
            for site in row.sites
        ],
    }


def _unknown(item: Unknown) -> dict[str, Any]:
    return {"reason": item.reason, "chain": _chain(item.chain)}


def _chain(chain: Sequence[Step]) -> list[dict[str, Any]]:
    return [
        {
            "label": step.label,
            "path": step.location.path,
            "line": step.location.line,
            "column": step.location.column,
        }
        for step in chain
    ]
