"""One answer per host: what a release changed breaks exactly there, and what was silenced stays silent."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from rich.console import Console

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import StaticAnalysis, analyse
from theodore_plugin.contracts.catalogue import shipped_catalogue
from theodore_plugin.contracts.matrix import HostMatrix
from theodore_plugin.finding import Confidence, Example, Rule, Severity, Silencer, Verdict
from theodore_plugin.project import PluginProject
from theodore_plugin.report.hosts_text import hosts_table
from theodore_plugin.rules.catalogue import RULES
from theodore_plugin.rules.examples import example_files, plugin

POLICY = load_policy("default")


def method(*parameters: str, kind: str = "async") -> dict[str, object]:
    described = [
        {"name": name, "kind": "positional_or_keyword", "default": False, "annotation": None} for name in parameters
    ]
    return {"kind": kind, "abstract": True, "parameters": described, "returns": None, "raises": None}


LINE = {
    "hosts": [{"version": version, "protocols": [1]} for version in ("2.1.0", "2.2.0", "2.10.0")],
    "sdk": {
        "ScraperPlugin.warm_up": {"since": "2.10.0", "form": method()},
        "ScraperPlugin.scrape_content": {"earlier": [{"until": "2.1.0", "form": method("url")}]},
        "RateLimit": {"removed": "2.2.0"},
    },
}
USES_RATE_LIMIT = {"demo/example.py": b"from theodore_sdk import RateLimit\n"}


def analysis(code: str = plugin(), more: dict[str, bytes] | None = None, **arguments: object) -> StaticAnalysis:
    files = {**example_files(code), **(more or {})}
    return analyse(PluginProject.from_files(files), POLICY, RULES, shipped_catalogue().extended(LINE))


def answers(matrix: HostMatrix) -> dict[str, set[str]]:
    return {answer.version: {finding.rule for finding in answer.findings} for answer in matrix.answers}


def test_each_host_gets_the_answer_its_own_contracts_give() -> None:
    found = analysis(more=USES_RATE_LIMIT).hosts
    assert answers(found) == {
        "2.0.0": {"signature-mismatch"},
        "2.1.0": set(),
        "2.2.0": {"removed-api-use"},
        "2.10.0": {"missing-method", "removed-api-use"},
    }
    assert [answer.verdict for answer in found.answers] == [Verdict.FAIL, Verdict.PASS, Verdict.FAIL, Verdict.FAIL]


def test_versions_are_ordered_as_versions() -> None:
    assert analysis().hosts.known == ("2.0.0", "2.1.0", "2.2.0", "2.10.0")


def test_only_hosts_in_range_are_answered_for() -> None:
    found = analysis(plugin(compatible_versions='VersionRange(">=2.1,<2.2")'))
    assert answers(found.hosts) == {"2.1.0": set()}


def test_the_check_names_the_hosts_a_finding_is_about() -> None:
    messages = [item.message for item in analysis(more=USES_RATE_LIMIT).findings if item.source == "theodore"]
    assert any("request, but the host" in text and text.endswith("(host 2.0.0)") for text in messages)
    assert any("warm_up()" in text and text.endswith("(host 2.10.0)") for text in messages)
    assert any("does not exist in host 2.2.0, 2.10.0" in text for text in messages)


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        ('VersionRange(">=2.11,<3")', "no known host is in '>=2.11,<3' (known hosts: 2.0.0, 2.1.0, 2.2.0, 2.10.0)"),
        ("VersionRange(BOUNDS)", "compatible_versions could not be read (known hosts: 2.0.0, 2.1.0, 2.2.0, 2.10.0)"),
    ],
)
def test_a_range_without_a_row_says_why(bounds: str, says: str) -> None:
    found = analysis(plugin(compatible_versions=bounds)).hosts
    assert found.answers == ()
    assert text(found) == f"host matrix: {says}\n"


def test_what_a_report_does_not_show_is_not_in_the_matrix() -> None:
    found = analysis(more=USES_RATE_LIMIT)
    kept = [item for item in found.findings if item.rule != "removed-api-use"]
    assert answers(found.hosts.as_shown(kept))["2.2.0"] == set()
    assert found.hosts.as_shown(kept).answers[2].verdict is Verdict.PASS


def test_one_host_gets_the_findings_of_the_check() -> None:
    code = plugin().replace("self, request: ScrapingRequest", "self")
    found = analyse(PluginProject.from_files(example_files(code)), POLICY)
    assert answers(found.hosts) == {"2.0.0": {"signature-mismatch"}}


def test_a_rule_that_fails_for_a_host_leaves_the_answer_open(monkeypatch: pytest.MonkeyPatch) -> None:
    from theodore_plugin.rules.interface import matrix

    text = Example("x = 1\n")
    rule = Rule("broken", Severity.ERROR, Confidence.HIGH, Silencer.NOBODY, "Breaks.", "x", "x", (text,), (text,))

    def check(context: object) -> object:
        raise ValueError("no luck")

    monkeypatch.setattr(matrix, "RULES", (SimpleNamespace(RULE=rule, check=check),))
    found = analysis().hosts
    assert {answer.verdict for answer in found.answers} == {Verdict.INCOMPLETE}


def text(matrix: HostMatrix) -> str:
    console = Console(width=200, no_color=True, markup=False)
    with console.capture() as capture:
        for line in hosts_table(matrix):
            console.print(line)
    return capture.get()


def test_the_table_has_a_row_per_host_and_what_breaks_below_it() -> None:
    lines = text(analysis(more=USES_RATE_LIMIT).hosts).splitlines()
    assert lines[0] == "host    answer"
    assert "2.1.0   compatible" in lines
    broken = lines.index("2.2.0   breaks")
    assert lines[broken + 1].startswith("        removed-api-use  demo/example.py:1:26  theodore_sdk.RateLimit")
