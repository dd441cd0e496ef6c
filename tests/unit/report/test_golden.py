"""Every form of a report, kept whole under ``tests/data/reports``.

After a wanted change: ``UPDATE_REPORTS=1 python -m pytest tests/unit/report/test_golden.py``, then read the difference.
"""

import os
from pathlib import Path

import pytest

from theodore_plugin.report.formats import FORMATS, rendered

FOLDER = Path(__file__).parents[2] / "data" / "reports"
SUFFIXES = {
    "json": "json",
    "sarif": "sarif",
    "github": "github.txt",
    "gitlab": "gitlab.json",
    "junit": "junit.xml",
    "markdown": "md",
}
"""Forms kept here; the others have tests of their own that say what a person would see."""


def agrees(name, text):
    path = FOLDER / name
    if os.environ.get("UPDATE_REPORTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    return text == path.read_bytes().decode()


@pytest.fixture(autouse=True)
def outside_of_ci(monkeypatch):
    for variable in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize("form", SUFFIXES)
def test_a_report_with_everything_in_it_looks_as_it_did(form, everything):
    assert agrees(f"everything.{SUFFIXES[form]}", rendered(form, [everything]))


@pytest.mark.parametrize("form", SUFFIXES)
def test_hostile_text_looks_as_it_did(form, hostile):
    assert agrees(f"hostile.{SUFFIXES[form]}", rendered(form, [hostile]))


@pytest.mark.parametrize("form", SUFFIXES)
def test_several_projects_look_as_they_did(form, everything, make_report):
    assert agrees(f"several.{SUFFIXES[form]}", rendered(form, [make_report(), everything]))


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_reports_give_the_same_bytes(form, everything, hostile):
    assert rendered(form, [everything, hostile]) == rendered(form, [everything, hostile])


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_can_be_written_as_utf8(form, hostile):
    rendered(form, [hostile]).encode("utf-8")
