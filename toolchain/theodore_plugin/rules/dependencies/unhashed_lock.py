"""A locked file that could be another one tomorrow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.dependencies.lock_examples import lock, package
from theodore_plugin.rules.dependencies.locked import files, read_locked

_SHA256 = re.compile(r"[0-9a-f]{64}")
_WHEEL = 'wheels = [{{ path = "httpx-0.28.1-py3-none-any.whl"{hashes} }}]\n'

RULE = Rule(
    name="unhashed-lock",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="A file in the lock has no SHA-256.",
    why="Without a hash an index can serve other bytes under the same name.",
    remedy="Lock again: `theodore-plugin lock --upgrade`.",
    bad=(
        Example(lock(package("httpx", files=_WHEEL.format(hashes=""))), "no hash"),
        Example(lock(package("httpx", files=_WHEEL.format(hashes=', hashes = { md5 = "0123" }'))), "a weak one only"),
    ),
    good=(
        Example(lock(package("httpx")), "SHA-256"),
        Example("VALUE = 1\n", "no lock yet"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at every wheel of every package."""
    locked = read_locked(context.project)
    for entry in locked.packages if locked else ():
        for name, file in files(entry):
            hashes = file.get("hashes")
            sha256 = hashes.get("sha256") if isinstance(hashes, Mapping) else None
            if locked and not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
                where = locked.locate(entry, file=name)
                yield report(RULE, where, f"{name or entry.get('name')} is locked without a SHA-256", subject=name)
