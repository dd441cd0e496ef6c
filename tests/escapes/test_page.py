"""docs/escapes.md says what was recorded, of the techniques that are in the code, and nothing recorded got out."""

from __future__ import annotations

from pathlib import Path

import pytest

from shooting.expected import BEYOND_THE_WORKER, NOT_THE_KERNELS
from shooting.page import by_theme, fullest, page
from shooting.record import ESCAPED, Run
from shooting.techniques import own

PAGE = Path(__file__).parents[2] / "docs" / "escapes.md"
RECORDED = sorted(Path(__file__).with_name("recorded").glob("*.json"))
RUNS = {path.stem: Run.read(path) for path in RECORDED}


def test_the_page_is_what_the_script_makes_of_the_recorded_runs():
    assert PAGE.read_text() == page(list(RUNS.values()))


def test_the_page_names_the_techniques_of_the_code():
    rows = [line.split("|")[1].strip() for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    known = [technique.name for technique in own()]
    named = [name for name in rows if name in known]
    assert sorted(named) == sorted(known)
    assert len(named) >= 80


def test_the_threat_model_counts_what_was_recorded():
    assert by_theme(fullest(list(RUNS.values()))) in PAGE.with_name("threat-model.md").read_text()


@pytest.mark.parametrize("name", RUNS)
def test_every_recorded_technique_was_stopped_where_it_must_be(name):
    run = RUNS[name]
    allowed = {"kernel": NOT_THE_KERNELS, **BEYOND_THE_WORKER}
    out = [
        (row.name, mode)
        for row in (*run.own, *run.shared)
        for mode, known in allowed.items()
        if row.results.get(mode) == ESCAPED and row.name not in known
    ]
    assert out == []


def test_both_users_and_three_interpreters_are_recorded():
    seen = {(run.python.rpartition(".")[0], run.user) for run in RUNS.values()}
    assert seen >= {(python, user) for python in ("3.11", "3.12", "3.13") for user in ("root", "ordinary")}
