from datetime import date

import pytest

from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.finding import Confidence, Finding, Location, Severity, Step
from theodore_plugin.report.model import (
    AdvisoryLabel,
    DeclaredPermission,
    InferredPermission,
    PermissionTable,
    PolicyLabel,
    ProjectLabel,
    Report,
    ScannerRun,
    SuppressionRecord,
)

SOURCE = b"""import httpx

class Plugin:
    async def scrape_content(self, request):
        return httpx.get(request.url)
"""


@pytest.fixture
def undeclared():
    return Finding(
        "undeclared-permission",
        Severity.ERROR,
        Confidence.HIGH,
        Location("src/p/plugin.py", 5, 16, 5, 37),
        "connects to any host, and no permission says so",
        help="declare PluginPermission(PermissionType.NETWORK, ...)",
        evidence=(
            Step("Plugin.scrape_content", Location("src/p/plugin.py", 4, 5)),
            Step("httpx.get", Location("src/p/plugin.py", 5, 16)),
        ),
        related=("bandit/B310",),
    )


@pytest.fixture
def make_report():
    def make(*findings, sources=None, coverage=None, **changes):
        values = {
            "tool_version": "0.1.0",
            "rule_set": "a" * 64,
            "project": ProjectLabel("page-scraper", "1.2.0", "page-scraper", "source"),
            "policy": PolicyLabel("default", "b" * 64),
            "findings": findings,
            "suppressions": (),
            "coverage": coverage or (Coverage("theodore", (Covered("src/p/plugin.py"),)),),
            "scanners": (),
            "permissions": PermissionTable(),
            "advisories": None,
            "sources": {"src/p/plugin.py": SOURCE} if sources is None else sources,
            "seconds": 1.25,
        }
        return Report(**(values | changes))

    return make


@pytest.fixture
def rich_report(make_report, undeclared):
    """A report in which every part of the model is filled."""
    place = Location("src/p/plugin.py", 1, 1)
    silenced = Finding("secret-to-log", Severity.WARNING, Confidence.MEDIUM, place, "logs a secret")
    return make_report(
        undeclared,
        Finding("analyzer-failed", Severity.INCOMPLETE, Confidence.HIGH, Location("pyproject.toml"), "mypy crashed"),
        suppressions=(SuppressionRecord(("secret-to-log",), place, "a test key", date(2027, 1, 1), (silenced,)),),
        coverage=(
            Coverage("theodore", (Covered("src/p/plugin.py"), Covered("tests/t.py", State.SKIPPED, "not shipped"))),
            Coverage("mypy", (Covered("src/p/plugin.py", State.FAILED, "mypy crashed"),)),
            Coverage("pip-audit", (Covered("idna==3.7"),), unit="package"),
        ),
        scanners=(
            ScannerRun("mypy", "1.18", "failed", 0.4, "mypy crashed"),
            ScannerRun("pip-audit", "2.10", "ok", 0.6, "asked: snapshot", "standard"),
        ),
        permissions=PermissionTable(
            (DeclaredPermission("filesystem", "rw:{cache}/**", "keeps pages"),),
            (InferredPermission("network", "connect", None, "resolved", undeclared.evidence),),
        ),
        advisories=AdvisoryLabel("snapshot advisories.jsonl", "c" * 64, "2024-10-10T00:00:00Z"),
        hidden=2,
    )
