"""``api-usage.json``: every name of the SDK a plugin uses, and every hook it implements.

It answers, without the code and years later, which plugins a change of the SDK touches. The published schema is
``policies/schemas/api-usage.schema.json``; the uses are those that the rules about removed, internal, deprecated and
experimental API look at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from theodore_loader import strict_json

if TYPE_CHECKING:
    from theodore_plugin.rules.context import RuleContext

SCHEMA = 1
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ApiUsage:
    """What of the SDK is used: dotted names (``theodore_sdk.PluginContext.logger``), and hooks by contract."""

    symbols: frozenset[str] = frozenset()
    hooks: frozenset[str] = frozenset()
    """``theodore_sdk.ScraperPlugin.scrape``: methods of base classes and ports that the plugin defines."""

    @property
    def names(self) -> frozenset[str]:
        """Both together."""
        return self.symbols | self.hooks


NO_USAGE = ApiUsage()


def usage_of(context: RuleContext) -> ApiUsage:
    """Return what a project uses, of everything its code shows."""
    from theodore_plugin.rules.interface.api_uses import implemented_life

    hooks = {str(use.symbol) for use, _ in implemented_life(context)}
    return ApiUsage(frozenset(str(use.symbol) for use in context.api_uses), frozenset(hooks))


def to_json(usage: ApiUsage) -> bytes:
    """Write the one spelling."""
    document = {"schema": SCHEMA, "symbols": sorted(usage.symbols), "hooks": sorted(usage.hooks)}
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def from_json(data: bytes) -> ApiUsage:
    """Read untrusted bytes; raises :class:`ValueError` for anything but what :func:`to_json` writes."""
    try:
        document = strict_json.loads(data, max_bytes=MAX_BYTES)
    except strict_json.JsonError as defect:
        raise ValueError(str(defect)) from None
    if not isinstance(document, dict) or document.keys() != {"schema", "symbols", "hooks"}:
        raise ValueError("it has other keys than schema, symbols and hooks")
    if document["schema"] != SCHEMA or isinstance(document["schema"], bool):
        raise ValueError(f"it has schema {document['schema']!r}, this version reads {SCHEMA}")
    return ApiUsage(_names(document["symbols"]), _names(document["hooks"]))


def _names(listed: Any) -> frozenset[str]:
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise ValueError("symbols and hooks are lists of names")
    return frozenset(listed)


def differences(stated: ApiUsage, found: ApiUsage) -> Iterable[str]:
    """Return where a statement and the code differ, one line for each direction."""
    if unstated := sorted(found.names - stated.names):
        yield f"the code uses {_shown(unstated)}, which it does not list"
    if unused := sorted(stated.names - found.names):
        yield f"it lists {_shown(unused)}, which the code does not use"


def _shown(names: list[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest
