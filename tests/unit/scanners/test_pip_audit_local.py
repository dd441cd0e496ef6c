"""Audits against data on this machine: no other connection, the database's state, what is said without a network."""

import json
import os
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.policy import Policy
from theodore_loader.policy.model import Advisories
from theodore_loader.sandbox.landlock import FIRST_ABI_WITH_NETWORK
from theodore_loader.sandbox.tier import available
from theodore_plugin.advisories.build import Origin
from theodore_plugin.advisories.endpoint import url
from theodore_plugin.advisories.snapshot import import_file
from theodore_plugin.advisories.source import AdvisorySource
from theodore_plugin.advisories.store import database_path
from theodore_plugin.coverage import State
from theodore_plugin.finding import Severity
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners.hermetic import clean_tree
from theodore_plugin.scanners.pip_audit import PipAuditScanner, _ask
from theodore_plugin.scanners.pip_audit_pins import pins_of
from theodore_plugin.scanners.scanner import ScanContext
from theodore_plugin.settings import Settings

DEPENDS = '[project]\nname = "demo"\nversion = "1.0"\ndependencies = ["idna"]\n'


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(home))
    return home


@pytest.fixture
def local(snapshot_file):
    """A local database of the sample."""
    origin = Origin("the sample", datetime.now(UTC))
    return import_file(snapshot_file, database_path(), origin, allow_older=False)


def audit(scan, lock_text, advisories="local", **more):
    files = {"src/demo/__init__.py": "", "pylock.toml": lock_text}
    return scan(PipAuditScanner(), files, advisories=str(advisories), pyproject=DEPENDS, **more)


def test_the_local_database_finds_what_is_in_it_and_says_how_bad_it_is(scan, lock, local):
    result = audit(scan, lock(idna="3.6", httpx="0.27.0"))
    (finding,) = result.findings
    assert "(high, CVSS 7.5), PYSEC-2024-60 (CVE-2024-3651)" in finding.message
    assert "https://osv.dev/vulnerability/PYSEC-2024-60" in finding.help
    assert (result.failures, result.advisories.digest) == ((), local.digest)
    idna, httpx = sorted(result.dependencies, key=lambda one: one.name != "idna")
    assert [found.id for found in idna.vulnerabilities] == ["PYSEC-2024-60"]
    assert (httpx.name, httpx.version, httpx.status, httpx.vulnerabilities) == ("httpx", "0.27.0", "audited", ())


def test_no_proxy_is_asked_and_no_credential_is_passed_on(scan, lock, local, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as canary:
        proxy = f"http://127.0.0.1:{canary.getsockname()[1]}"
        for name in ("http_proxy", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        assert audit(scan, lock(idna="3.7")).failures == ()
        canary.settimeout(0.1)
        with pytest.raises(TimeoutError):
            canary.accept()


@pytest.mark.skipif(available().landlock_abi < FIRST_ABI_WITH_NETWORK, reason="Landlock knows no ports here")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_an_auditor_of_local_data_reaches_nothing_but_its_port(write_project, lock, local, host):
    files = {"src/demo/__init__.py": "", "pylock.toml": lock(idna="3.7")}
    project = PluginProject.open(write_project(files, DEPENDS))
    context = ScanContext(project, Settings(policy=Policy("test")), 60.0)
    with (
        clean_tree(project) as tree,
        AdvisorySource.parse("local").opened() as service,
        socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as canary,
    ):
        elsewhere = url(canary.getsockname()[1]).replace("127.0.0.1", host)
        run = _ask(tree, pins_of(context), replace(service, arguments=(*service.arguments[:-1], elsewhere)), 60.0)
        canary.settimeout(0.1)
        with pytest.raises(TimeoutError):
            canary.accept()
    assert run.completed.returncode != 0
    assert b"dependencies" not in run.completed.stdout


def test_a_database_that_is_not_there_ends_the_check_with_the_way_to_one(scan, lock):
    with pytest.raises(ConfigurationProblem, match="no local advisory database") as refused:
        audit(scan, lock(idna="3.7"))
    assert "advisories update" in refused.value.help


def test_a_damaged_database_ends_the_check_and_audits_nothing(scan, lock, local):
    os.truncate(database_path(), 5000)
    with pytest.raises(ConfigurationProblem, match="damaged"):
        audit(scan, lock(idna="3.7"))


@pytest.mark.parametrize(("on_stale", "severity"), [("incomplete", Severity.INCOMPLETE), ("warning", Severity.WARNING)])
def test_old_local_data_counts_as_the_policy_says_and_names_the_update(scan, lock, local, on_stale, severity):
    policy = Policy("test", advisories=Advisories(max_age_days=7, on_stale=on_stale))
    (failure,) = audit(scan, lock(idna="3.7"), policy=policy).failures
    assert failure.severity is severity
    assert "advisories update" in failure.help


@pytest.mark.parametrize("advisories", ["off", "http://127.0.0.1:9/v1/query"])
def test_without_a_network_the_way_through_local_data_is_named(scan, lock, advisories):
    result = audit(scan, lock(idna="3.7"), advisories)
    assert "advisories update" in result.failures[0].help
    assert "--advisories local" in result.failures[0].help
    assert [(one.name, one.version, one.status) for one in result.dependencies] == [("idna", "3.7", "failed")]
    assert result.dependencies[0].reason
    assert (result.advisories is None) is (advisories == "off")


def test_dependencies_that_are_not_locked_are_listed_as_skipped(scan, local):
    files = {"src/demo/__init__.py": ""}
    pyproject = DEPENDS.replace("idna", "Idna >= 3 ; python_version > '3'")
    result = scan(PipAuditScanner(), files, advisories="local", pyproject=pyproject)
    assert [(one.name, one.version, one.status) for one in result.dependencies] == [("idna", "", "skipped")]
    assert result.coverage.count(State.SKIPPED) == 1


@pytest.fixture
def fingerprint(write_project, lock):
    def take(advisories="local", pins=(("idna", "3.7"),), pyproject=DEPENDS, **bound):
        root = write_project({"src/demo/__init__.py": "", "pylock.toml": lock(**dict(pins))}, pyproject)
        settings = Settings(
            policy=Policy("test", advisories=Advisories(**bound)), advisories=AdvisorySource.parse(advisories)
        )
        return PipAuditScanner().fingerprint(ScanContext(PluginProject.open(root), settings, 60.0))

    return take


def test_a_result_belongs_to_its_lock_its_data_and_its_policy(fingerprint, local):
    first = fingerprint()
    assert fingerprint() == first
    others = [
        fingerprint(pins=(("idna", "3.6"),)),
        fingerprint("online"),
        fingerprint("off"),
        fingerprint(max_age_days=3),
        fingerprint(pyproject=DEPENDS.replace("idna", "httpx")),
    ]
    assert len({first, *others}) == 6


def test_a_result_of_new_data_is_another_one(fingerprint, local, tmp_path):
    first = fingerprint()
    newer = tmp_path / "newer.jsonl"
    stamp = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    affected = [{"package": {"ecosystem": "PyPI", "name": "idna"}, "versions": ["3.7"]}]
    newer.write_text(json.dumps({"id": "PYSEC-1", "modified": stamp, "affected": affected}))
    import_file(newer, database_path(), Origin("newer", datetime.now(UTC)), allow_older=False)
    assert fingerprint() != first


def test_nothing_is_kept_of_data_that_is_not_there(fingerprint):
    assert fingerprint() is None


def test_the_scanner_is_asked_again_within_the_hour_services_may_change_in():
    assert (PipAuditScanner.per_file, PipAuditScanner.ttl_seconds) == (False, 3600.0)


def test_a_snapshot_archive_is_a_source_like_any_other(scan, lock, snapshot_file, tmp_path):
    import zipfile

    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for line in snapshot_file.read_text().splitlines():
            archive.writestr(f"{json.loads(line)['id']}.json", line)
    assert [finding.rule for finding in audit(scan, lock(idna="3.6"), path).findings] == ["known-vulnerability"]


def test_what_only_one_of_two_records_knows_is_in_the_one_finding(scan, lock, tmp_path):
    def record(identifier, fixed, **more):
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]
        affected = [{"package": {"ecosystem": "PyPI", "name": "idna"}, "ranges": ranges}]
        return {"id": identifier, "modified": "2024-01-01T00:00:00Z", "affected": affected, **more}

    vector = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}
    records = [
        record("GHSA-aaaa", "3.7.1", aliases=["CVE-2024-1"], summary="overflow", severity=[vector]),
        record("PYSEC-2024-1", "3.7", aliases=["CVE-2024-1", "GHSA-aaaa"]),
    ]
    path = tmp_path / "two.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    (finding,) = audit(scan, lock(idna="3.6"), path).findings
    assert finding.message == (
        "idna==3.6 has a known vulnerability (critical, CVSS 9.8), PYSEC-2024-1 (CVE-2024-1): overflow"
    )
    assert finding.help.startswith("fixed in 3.7, 3.7.1;")
