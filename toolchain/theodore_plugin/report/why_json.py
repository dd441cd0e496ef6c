"""Recorded decisions for programs: JSON of version 1, described by ``policies/schemas/decisions.schema.json``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from theodore_loader.trust.decisions.chain import Chain
from theodore_loader.trust.decisions.decision import Entry
from theodore_plugin.rules.refusals import refusal_rule

SCHEMA_VERSION = 1


def decisions_json(entries: Iterable[Entry], home: str) -> dict[str, Any]:
    """Return decisions, newest first, each with what its rule says."""
    return {"schema": SCHEMA_VERSION, "home": home, "decisions": [_decision(entry) for entry in entries]}


def chain_json(chain: Chain, home: str) -> dict[str, Any]:
    """Return whether the record is whole, and where it is not."""
    broken = chain.broken and {"file": str(chain.broken.file), "line": chain.broken.line, "what": chain.broken.what}
    return {
        "schema": SCHEMA_VERSION,
        "home": home,
        "whole": broken is None,
        "entries": chain.entries,
        "first": chain.first,
        "head": {"seq": chain.head.seq, "digest": chain.head.digest},
        "torn_bytes": chain.torn,
        "broken": broken,
    }


def _decision(entry: Entry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "purpose": entry.purpose,
        "outcome": entry.outcome,
        "plugin": entry.plugin,
        "version": entry.version,
        "sha256": entry.sha256,
        "message": entry.message,
        "rule": _rule(entry.rule),
        "help": entry.help,
        "stopped_at": entry.stopped_at,
        "steps": [
            {"number": step.number, "title": step.title, "detail": step.detail, "where": step.where}
            for step in entry.steps
        ],
        "rests_on": dict(entry.rests_on),
        "process": entry.process,
    }


def _rule(name: str | None) -> dict[str, str | None] | None:
    if name is None:
        return None
    rule = refusal_rule(name)
    return {"name": name, "summary": rule.summary if rule else None, "remedy": rule.remedy if rule else None}
