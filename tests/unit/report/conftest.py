from dataclasses import replace
from datetime import date

import pytest

from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.finding import Confidence, Finding, Location, Severity, Step
from theodore_plugin.fixes.model import Edit, Fix
from theodore_plugin.report.model import (
    AdvisoryLabel,
    AuditedDependency,
    DeclaredPermission,
    ExceptionRecord,
    InferredPermission,
    PermissionTable,
    PolicyLabel,
    ProfileLabel,
    ProjectLabel,
    Report,
    ScannerRun,
    SelectionLabel,
    SuppressionRecord,
    Vulnerability,
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


@pytest.fixture
def everything(rich_report, undeclared):
    """A report that has something in every place a renderer could show."""
    place = Location("src/p/plugin.py", 3, 1, 3, 14)
    more = (
        Finding("bandit/B310", Severity.WARNING, Confidence.MEDIUM, place, "opens any URL", source="bandit"),
        Finding("mypy/arg-type", Severity.NOTICE, Confidence.HIGH, place, "wrong [arg-type] {0}", source="mypy"),
        Finding("obfuscated-source", Severity.ERROR, Confidence.LOW, place, "a guess", subject="p.plugin.Plugin"),
        Finding(
            "known-vulnerability",
            Severity.ERROR,
            Confidence.HIGH,
            Location("pylock.toml", 12, 1),
            "idna 3.7: PYSEC-2024-60",
            help="raise it to 3.8",
            related=("GHSA-jjg7-2v4v-x38h",),
            source="pip-audit",
        ),
    )
    accepted = Finding("leaked-resource", Severity.WARNING, Confidence.MEDIUM, place, "is not closed")
    excepted = replace(accepted, rule="native-call", message="calls native code")
    mended = next(finding for finding in rich_report.findings if finding.rule == "undeclared-permission")
    place = Location("src/p/plugin.py", 5, 22, 5, 25)
    fix = Fix("undeclared-permission", False, (Edit(place, 86, b"get", b"post"),), "call httpx.post")
    hole = Vulnerability("PYSEC-2024-60", ("CVE-2024-3651",), "slow", ("3.8",), "high, CVSS 7.5", "https://osv.dev/x")
    return replace(
        rich_report,
        findings=tuple(sorted((*rich_report.findings, *more), key=lambda finding: finding.sort_key)),
        baselined=(accepted,),
        exceptions=(
            ExceptionRecord(("native-call",), "acme.yaml:31", "reviewed", "ada", date(2027, 3, 1), (excepted,)),
            ExceptionRecord(("weak-crypto",), "acme.yaml:40", "not used", "ada", date(2027, 3, 1)),
        ),
        profile=ProfileLabel("registry", "d" * 64, ("bandit 1.9.1 here, 1.9.2 there",)),
        fixes={mended.sort_key: fix},
        hidden_by=("--min-severity notice",),
        selection=SelectionLabel(("--ignore code",), 3, 1),
        dependencies=(
            AuditedDependency("httpx", "0.28.1", "audited"),
            AuditedDependency("idna", "3.7", "audited", vulnerabilities=(hole,)),
            AuditedDependency("private", "1.0", "failed", "not known to the service"),
        ),
    )


HOSTILE = (
    "\x1b[2J\u202eevil\u200b\x00\x07\r\n::error::own\n##[add-mask]x ]]> <script>alert(1)</script> "
    "<img src=x onerror=y> [link](https://evil.example) ![i](javascript:x) `code` | cell | @everyone #1 "
    "{0} %0A %25 &amp; \ufffe \udcff \U0001f600 www.evil.example https://evil.example a@evil.example "
)


@pytest.fixture
def hostile(make_report):
    """A report in which everything a stranger can write is an attack on whoever shows it."""
    path = f"src/{HOSTILE}, line=1:2/\udcff é%41 #?.py"
    place = Location(path, 2, 9_999, 1, 3)
    found = Finding(
        f"custom/{HOSTILE}",
        Severity.ERROR,
        Confidence.HIGH,
        place,
        HOSTILE,
        help=HOSTILE,
        evidence=(Step(HOSTILE, place), Step(HOSTILE, Location(HOSTILE))),
        subject=HOSTILE,
        related=(HOSTILE,),
        source=HOSTILE,
    )
    return make_report(
        found,
        replace(found, severity=Severity.INCOMPLETE, message=HOSTILE + "x" * 20_000, evidence=()),
        sources={path: f"first\n{HOSTILE}".encode("utf-8", "surrogatepass")},
        project=ProjectLabel(HOSTILE, HOSTILE, HOSTILE, "source"),
        policy=PolicyLabel(HOSTILE, "b" * 64),
        suppressions=(SuppressionRecord((HOSTILE,), place, HOSTILE, date(2027, 1, 1), (found,)),),
        baselined=(found,),
        exceptions=(ExceptionRecord((HOSTILE,), HOSTILE, HOSTILE, HOSTILE, date(2027, 1, 1), (found,)),),
        profile=ProfileLabel(HOSTILE, "d" * 64, (HOSTILE,)),
        fixes={found.sort_key: Fix(HOSTILE, True, (Edit(place, 0, b"", b"\xff]]>\x00"),), HOSTILE)},
        coverage=(Coverage(HOSTILE, (Covered(HOSTILE), Covered(path, State.FAILED, HOSTILE))),),
        scanners=(ScannerRun(HOSTILE, HOSTILE, "failed", 0.4, HOSTILE, HOSTILE),),
        permissions=PermissionTable(
            (DeclaredPermission("network", HOSTILE, HOSTILE),),
            (InferredPermission(HOSTILE, HOSTILE, HOSTILE, "resolved", found.evidence, HOSTILE),),
        ),
        advisories=AdvisoryLabel(HOSTILE, None, HOSTILE),
        dependencies=(
            AuditedDependency(
                HOSTILE, HOSTILE, "failed", HOSTILE, (Vulnerability(HOSTILE, (HOSTILE,), HOSTILE, (HOSTILE,)),)
            ),
        ),
        hidden=1,
        hidden_by=(HOSTILE,),
        selection=SelectionLabel((HOSTILE,), 1, 1),
    )
