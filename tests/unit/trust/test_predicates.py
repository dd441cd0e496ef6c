"""Provenance, vulnerabilities, SBOM reference: the loader and the published schemas give the same answers."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_loader.trust.predicates import KINDS, kind_of
from theodore_loader.trust.provenance import PROVENANCE_TYPE, origins
from theodore_loader.trust.references import REFERENCE_TYPE
from theodore_loader.trust.statements import StatementInvalid, read_statement, write_statement
from theodore_loader.trust.vulnerabilities import VULNERABILITIES_TYPE
from theodore_plugin.packaging.build_record import BuildRecord
from theodore_plugin.packaging.facts import BuildFacts, BuildRequirement
from theodore_plugin.packaging.git_tree import GitTree
from theodore_plugin.report.model import (
    AdvisoryLabel,
    AuditedDependency,
    PermissionTable,
    PolicyLabel,
    ProjectLabel,
    Report,
    ScannerRun,
    Vulnerability,
)
from theodore_plugin.signing.provenance import provenance_of
from theodore_plugin.signing.sbom_reference import reference_to
from theodore_plugin.signing.vulnerabilities import vulnerabilities_of

FILENAME, SHA256 = "acme_hello-1.2.0-py3-none-any.whl", "e" * 64
THEN = datetime(2026, 11, 22, 12, 0, 1, 500, tzinfo=UTC)
FACTS = BuildFacts("hatchling.build", (BuildRequirement("hatchling", "1.27.0", "b" * 64, "h.whl"),), "3.11.9", 10**9)
CLEAN = GitTree("https://github.com/acme/hello", "c" * 40, None)
VULNERABLE = AuditedDependency(
    "jinja2",
    "3.1.3",
    "audited",
    vulnerabilities=(Vulnerability("GHSA-1", ("CVE-1", "PYSEC-1"), "x", ("3.1.4",), "high, CVSS 7.5"),),
)


def record(tree: GitTree | None = CLEAN) -> BuildRecord:
    return BuildRecord(SHA256, tree, FACTS, THEN, THEN, "0.1.0")


def report(*dependencies: AuditedDependency, status: str = "ok", advisories: AdvisoryLabel | None = None) -> Report:
    return Report(
        tool_version="0.1.0",
        rule_set="5" * 64,
        project=ProjectLabel("acme-hello", "1.2.0", FILENAME, "wheel", SHA256),
        policy=PolicyLabel("default", "d" * 64),
        findings=(),
        suppressions=(),
        coverage=(),
        scanners=(ScannerRun("pip-audit", "2.10.1", status, 0.1),),
        permissions=PermissionTable(),
        advisories=advisories,
        sources={},
        dependencies=dependencies,
    )


DATED = AdvisoryLabel("snapshot", "a" * 64, "2026-11-21")
STATEMENTS = {
    "provenance": (PROVENANCE_TYPE, provenance_of(record(), "urn:x")),
    "vulnerabilities": (VULNERABILITIES_TYPE, vulnerabilities_of(report(VULNERABLE, advisories=DATED), THEN, THEN)),
    "sbom-reference": (REFERENCE_TYPE, reference_to(b"{}", "acme_hello-1.2.0.cdx.json", "urn:x")),
}
DROP = object()


def written(name: str) -> bytes:
    kind, predicate = STATEMENTS[name]
    return write_statement(kind, predicate, FILENAME, SHA256)


@pytest.mark.parametrize("name", STATEMENTS)
def test_what_is_written_is_what_is_read(name: str) -> None:
    statement = read_statement(written(name))
    assert kind_of(statement).read(statement) == STATEMENTS[name][1]


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_published_schema_gives_the_same_answers(name: str) -> None:
    schema = json.loads((policies_dir() / "schemas" / f"{name}.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    document = json.loads(written(name))
    validator.validate(document)
    tried = 0
    for path in list(places(document)):
        for wrong in (DROP, None, "", 5, True, [], {}, ["x"], {"x": 1}):
            changed = copy.deepcopy(document)
            put(changed, path, wrong)
            assert validator.is_valid(changed) == reads(changed, STATEMENTS[name][0]), (path, wrong)
            tried += 1
    assert tried > 140


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield (*path, key)
        yield from places(item, (*path, key))


def put(document: Any, path: tuple[Any, ...], wrong: Any) -> None:
    *way, last = path
    for step in way:
        document = document[step]
    if wrong is DROP:
        del document[last]
    else:
        document[last] = wrong


TIMES = ("startedOn", "finishedOn", "scanStartedOn", "scanFinishedOn", "lastUpdate")


def reads(document: Any, kind: str) -> bool:
    """Tell whether the loader reads it; the form of times is beyond what the schema's vocabulary asserts."""
    try:
        statement = read_statement(json.dumps(document).encode())
        if len(statement.subject) != 1 or statement.predicate_type != kind:
            return False
        KINDS[kind].read(statement)
    except StatementInvalid as invalid:
        return "RFC3339" in str(invalid) and any(f"$.{time}" in str(invalid) or time in str(invalid) for time in TIMES)
    return True


def edited(name: str, change: Any) -> bytes:
    document = json.loads(written(name))
    change(document["predicate"])
    return json.dumps(document).encode()


@pytest.mark.parametrize("time", ["startedOn", "finishedOn"])
def test_a_time_without_zone_is_refused(time: str) -> None:
    data = edited("provenance", lambda p: p["runDetails"]["metadata"].update({time: "2026-11-22T12:00:00"}))
    statement = read_statement(data)
    with pytest.raises(StatementInvalid, match=time):
        kind_of(statement).read(statement)


def test_a_type_nobody_knows_is_no_kind() -> None:
    statement = read_statement(written("provenance").replace(b"provenance/v1", b"provenance/v2"))
    with pytest.raises(StatementInvalid, match="unknown type"):
        kind_of(statement)


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (CLEAN, f"git+https://github.com/acme/hello at commit {'c' * 40}"),
        (GitTree(None, "c" * 40, None), f"a repository that is not named at commit {'c' * 40}"),
        (GitTree(None, "c" * 40, "a.py"), "a repository that is not named with changes that are in no commit"),
        (None, "a repository that is not named, no commit named"),
    ],
)
def test_only_what_is_known_is_stated(tree: GitTree | None, said: str) -> None:
    (origin,) = origins(provenance_of(record(tree), "urn:x"))
    assert str(origin) == said


def test_an_audit_names_what_it_found_and_where_it_is_fixed() -> None:
    document = json.loads(written("vulnerabilities"))["predicate"]
    assert document["scanner"]["result"] == [
        {
            "id": "GHSA-1",
            "severity": [{"method": "qualitative", "score": "high"}, {"method": "cvss", "score": "7.5"}],
            "annotations": [{"package": "pkg:pypi/jinja2@3.1.3"}, {"aliases": "CVE-1 PYSEC-1"}, {"fixed": "3.1.4"}],
        }
    ]
    assert document["scanner"]["db"]["version"] == f"sha256:{'a' * 64}"
    assert document["scanner"]["db"]["lastUpdate"] == "2026-11-21T00:00:00Z"
    assert document["urn:theodore:vulns:1"]["packages"] == [
        {"name": "jinja2", "version": "3.1.3", "status": "audited", "reason": ""}
    ]


def test_an_online_service_has_no_date_and_none_is_made_up() -> None:
    online = AdvisoryLabel("PyPI vulnerability service, online")
    stated = vulnerabilities_of(report(advisories=online), THEN, THEN)
    document = json.loads(write_statement(VULNERABILITIES_TYPE, stated, FILENAME, SHA256))["predicate"]
    assert "db" not in document["scanner"]
    assert document["urn:theodore:vulns:1"]["database"]["source"] == online.source


@pytest.mark.parametrize(
    ("asked", "stated"),
    [
        (report(status="failed"), False),
        (report(AuditedDependency("x", "1", "skipped", "off"), status="skipped"), False),
        (report(status="skipped"), True),
    ],
    ids=["failed", "switched off", "nothing to audit"],
)
def test_nothing_is_stated_of_what_was_not_looked_up(asked: Report, stated: bool) -> None:
    assert (vulnerabilities_of(asked, THEN, THEN) is not None) is stated
