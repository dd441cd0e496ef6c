"""Neither a licence identifier nor a licence text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin

_FILE = re.compile(r"(?:un)?(?:licen[cs]e|copying|notice)(?:s?\b|[-_.]).*", re.IGNORECASE)

RULE = Rule(
    name="licence-missing",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="The licence is no SPDX expression, and there is no licence file.",
    why="Without a licence nobody may use the plugin, whatever its author meant.",
    remedy="Write an SPDX expression such as MIT or Apache-2.0 (LicenseRef-… for one's own), or add a LICENSE file.",
    bad=(
        Example(plugin(license='""'), "nothing"),
        Example(plugin(license='"Proprietary"'), "a word that no text explains"),
    ),
    good=(
        Example(plugin(), "MIT"),
        Example(plugin(license='"Acme Licence 2"') + "\n# file: LICENSE\nYou may use it.\n", "the text is there"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look for an expression, then for a file."""
    stated = context.metadata.values.get("license")
    if not isinstance(stated, str) or _is_expression(stated) or _has_file(context):
        return
    what = f"{stated!r} is no SPDX licence expression" if stated.strip() else "the licence is empty"
    yield report(RULE, context.where("/license"), f"{what}, and there is no licence file")


def _is_expression(text: str) -> bool:
    try:
        canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return False
    return True


def _has_file(context: RuleContext) -> bool:
    """Whether a file of the project, or one that a wheel's metadata lists, is a licence text."""
    table = context.project.table
    licence = table.get("license")
    if isinstance(licence, Mapping) and licence.get("file"):
        return True
    if context.project.is_wheel:
        return bool(table.get("license-files"))
    files = (*context.project.beside, *context.project.members)
    return any(_FILE.fullmatch(path.rpartition("/")[2]) for path in files if not path.endswith(".py"))
