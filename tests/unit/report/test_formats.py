import json
import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from theodore_plugin.coverage import Coverage, Covered
from theodore_plugin.finding import Confidence, Finding, Location, Severity, Step
from theodore_plugin.report.formats import FORMATS, rendered
from theodore_plugin.report.model import PermissionTable, PolicyLabel, ProjectLabel, Report
from theodore_plugin.report.sarif_places import Places
from theodore_plugin.report.visible import visible

ANYTHING = st.text(st.characters(codec=None), min_size=1, max_size=40)
"""Lone surrogates and all control characters included."""
READER = MarkdownIt("commonmark").enable("table")


@st.composite
def reports(draw):
    place = Location(draw(ANYTHING), draw(st.integers(1, 3)), draw(st.integers(1, 99)))
    finding = Finding(
        draw(ANYTHING),
        draw(st.sampled_from(Severity)),
        draw(st.sampled_from(Confidence)),
        place,
        draw(ANYTHING),
        help=draw(st.none() | ANYTHING),
        evidence=(Step(draw(ANYTHING), place),),
        subject=draw(st.none() | ANYTHING),
        source=draw(ANYTHING),
    )
    return Report(
        tool_version="0.1.0",
        rule_set="a" * 64,
        project=ProjectLabel(draw(ANYTHING), draw(ANYTHING), draw(ANYTHING), "source"),
        policy=PolicyLabel(draw(ANYTHING), "b" * 64),
        findings=(finding,),
        suppressions=(),
        coverage=(Coverage(draw(ANYTHING), (Covered(draw(ANYTHING)),)),),
        scanners=(),
        permissions=PermissionTable(),
        advisories=None,
        sources={place.path: draw(st.binary(max_size=40))},
    )


def test_a_path_that_is_no_text_is_percent_encoded():
    found = [Places(lambda same: same, {}).artifact(f"{odd}.py")["uri"] for odd in ("\udc80", "\ud800")]
    assert found == ["%80.py", "%ED%A0%80.py"]


@given(reports())
def test_whatever_is_in_a_report_every_form_can_be_read_back(report):
    for form in ("json", "sarif", "gitlab"):
        text = rendered(form, [report])
        assert text.isascii()
        json.loads(text)
    ET.fromstring(rendered("junit", [report]))
    for line in rendered("github", [report]).split("\n")[:-1]:
        assert re.fullmatch(r"::(error|warning|notice) [^:\r\n]*::[^\r\n]*", line)
        assert visible(line) == line


@given(reports())
def test_whatever_is_in_a_report_a_page_of_markdown_has_no_markup_of_it(report):
    pending = READER.parse(rendered("markdown", [report]))
    while pending:
        token = pending.pop()
        pending += token.children or []
        assert token.type not in {"link_open", "image", "code_inline", "html_block", "fence", "code_block", "em_open"}
        assert token.type != "html_inline" or token.content in {"<br>", "<!-- -->"}


def test_text_for_people_is_what_a_terminal_without_colours_shows(everything):
    text = rendered("full", [everything])
    assert "\x1b" not in text
    assert "error[undeclared-permission]: connects to any host" in text
    assert rendered("concise", [everything, everything]) == 2 * rendered("concise", [everything])


def test_an_unknown_form_is_a_key_error(make_report):
    with pytest.raises(KeyError):
        rendered("xml", [make_report()])


def test_the_names_of_forms_cost_nothing():
    code = "import sys; import theodore_plugin.report.formats; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"rich", "json", "xml.etree.ElementTree", "theodore_plugin.report.model"} & set(loaded)
    assert set(FORMATS) >= {"full", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown", "html"}


def test_many_findings_are_no_obstacle(make_report, undeclared):
    report = make_report(*[undeclared] * 1_000)
    for form in FORMATS:
        assert rendered(form, [report])


def test_people_are_told_paths_from_where_they_stand(make_report, undeclared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path.parent))
    report = make_report(undeclared, place=tmp_path / "plugins" / "one")
    for form in ("full", "concise"):
        assert "plugins/one/src/p/plugin.py:5:16" in rendered(form, [report])
        assert f"{tmp_path.name}/plugins" not in rendered(form, [report])
