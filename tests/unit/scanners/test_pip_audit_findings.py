"""One vulnerability under several names is one finding, with everything a reader needs to act."""

import pytest

from theodore_plugin.finding import Location
from theodore_plugin.scanners.pins import Pin
from theodore_plugin.scanners.pip_audit_answer import Answer, Reported
from theodore_plugin.scanners.pip_audit_findings import findings, vulnerabilities

PIN = Pin("demo", "1.5", Location("pylock.toml", 7, 1))


def found(*reported):
    return vulnerabilities(PIN, Answer("1.5", reported))


PYSEC = Reported("PYSEC-2024-1", ("CVE-2024-1",), "", ("1.6",))
GHSA = Reported("GHSA-aaaa", ("CVE-2024-1",), "overflow in parse()", ("1.6.1", "1.4"))
CVE = Reported("CVE-2024-1", (), "N/A", ())
OTHER = Reported("GHSA-bbbb", ("CVE-2024-2",), "something else", ())


def test_records_that_name_each_other_are_one_vulnerability_in_any_order():
    for order in ((PYSEC, GHSA, CVE), (CVE, GHSA, PYSEC), (GHSA, PYSEC, CVE)):
        (one,) = found(*order)
        assert (one.id, one.aliases) == ("PYSEC-2024-1", ("GHSA-aaaa", "CVE-2024-1"))
        assert (one.summary, one.fixed) == ("overflow in parse()", ("1.6", "1.6.1"))


def test_records_connected_only_through_a_third_are_one():
    left, right = Reported("GHSA-l", ("X-1",), "", ()), Reported("GHSA-r", ("X-2",), "", ())
    between = Reported("CVE-9", ("X-1", "X-2"), "", ())
    assert len(found(left, right)) == 2
    (one,) = found(left, right, between)
    assert (one.id, one.aliases) == ("GHSA-l", ("GHSA-r", "CVE-9", "X-1", "X-2"))


def test_different_vulnerabilities_stay_apart_and_in_order():
    assert [one.id for one in found(OTHER, CVE)] == ["CVE-2024-1", "GHSA-bbbb"]


def test_only_later_versions_are_offered_as_fixed():
    (one,) = found(Reported("A", (), "", ("1.4", "1.10", "1.5", "1.9", "no version", "2.0rc1")))
    assert one.fixed == ("1.9", "1.10", "2.0rc1")


def test_a_finding_says_what_where_how_bad_and_what_to_do():
    (finding,) = findings(PIN, found(PYSEC, GHSA))
    assert str(finding.location) == "pylock.toml:7:1"
    assert finding.message == ("demo==1.5 has a known vulnerability, PYSEC-2024-1 (CVE-2024-1): overflow in parse()")
    assert finding.help == (
        "fixed in 1.6, 1.6.1; lock again with that version or a later one; "
        "see https://osv.dev/vulnerability/PYSEC-2024-1"
    )
    assert finding.related == ("pip-audit/PYSEC-2024-1", "pip-audit/GHSA-aaaa", "pip-audit/CVE-2024-1")
    assert finding.subject == "demo==1.5 PYSEC-2024-1"


def test_a_vulnerability_nobody_fixed_or_described_says_so():
    (finding,) = findings(PIN, found(CVE))
    assert "no description" in finding.message
    assert finding.help.startswith("no fixed version is known")


@pytest.mark.parametrize("name", ["../../x", "a b", "a?b#c", "ä"])
def test_a_name_cannot_lead_the_link_elsewhere(name):
    (one,) = found(Reported(name, (), "", ()))
    assert one.url.startswith("https://osv.dev/vulnerability/")
    assert not set(one.url[len("https://osv.dev/vulnerability/") :]) & set("/?# ä")


def test_a_long_description_is_cut_and_kept_on_one_line():
    (one,) = found(Reported("A", (), "x\n" * 1000, ()))
    assert (len(one.summary), "\n" in one.summary) == (200, False)
