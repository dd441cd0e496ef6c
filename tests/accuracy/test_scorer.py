"""The scorer: claims are put into the terms of facts, and nothing missed is counted as found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scoring.claims import Answer, Places, answer
from scoring.network import uses_network
from scoring.record import record
from scoring.robustness import examine
from scoring.score import compare

from theodore_plugin.distributions import Environment
from theodore_plugin.finding import Location, Step


@pytest.fixture(scope="module")
def found(observed_wheel: Path, observed_site: Path) -> Answer:
    return answer(observed_wheel, Environment.at(observed_site))


@pytest.fixture(scope="module")
def labels(observed_site: Path, drive: Path) -> list[dict[str, Any]]:
    return record("observed", "observed", observed_site, drive)


def test_every_act_of_own_code_is_claimed_in_its_function(found: Answer, labels: list[dict[str, Any]]) -> None:
    own = [label for label in labels if not label["through"]]
    result = compare("observed", own, found)
    assert result.missed == ()
    assert result.pairs[0] == result.pairs[1] == 5
    assert result.functions[0] == result.functions[1] == len({(x["function"], x["permission"]) for x in own})


def test_what_a_dependency_does_is_claimed_or_said_to_be_unknown(found: Answer, labels: list[dict[str, Any]]) -> None:
    result = compare("observed", labels, found)
    assert [missed.label["function"] for missed in result.missed if not missed.gap] == []


def test_a_fact_that_nothing_claims_is_missed_silently(found: Answer) -> None:
    invented = {"function": "observed.work:keep", "permission": "native", "access": "load", "through": "", "phase": ""}
    result = compare("observed", [invented], replace(found, gaps=()))
    assert result.pairs == (0, 1)
    assert result.functions == (0, 1)
    assert [missed.gap for missed in result.missed] == [""]


def test_the_right_permission_in_another_function_is_a_pair_but_no_function(found: Answer) -> None:
    moved = {"function": "observed.work:own_data", "permission": "network", "access": "", "through": "", "phase": ""}
    result = compare("observed", [moved], found)
    assert result.pairs == (1, 1)
    assert result.functions == (0, 1)


def test_own_network_use_is_told_with_its_place(found: Answer) -> None:
    assert uses_network(found).startswith("observed/work.py:")
    assert uses_network(replace(found, claims=())) == ""


def test_a_chain_belongs_to_its_last_own_place() -> None:
    places = Places({"a/b.py": "class C:\n    def m(self):\n        def inner():\n            pass\nx = 1\n"})
    chain = [Step("calls", Location("a/b.py", 4)), Step("opens", Location("other/z.py", 9))]
    assert places.own(chain) == ("a/b.py", 4)
    assert places.function("a/b.py", 4) == "a.b:C.m.inner"
    assert places.function("a/b.py", 5) == "a.b"
    assert places.own([]) == ("", 1)


def test_files_that_cannot_be_analysed_are_told_from_those_that_were(observed_wheel: Path, tmp_path: Path) -> None:
    outcome = examine(observed_wheel, Environment(tmp_path))
    assert (outcome.files, outcome.problems) == (2, ())


def test_what_is_no_wheel_is_a_problem_and_no_crash(tmp_path: Path, observed_wheel: Path) -> None:
    damaged = tmp_path / observed_wheel.name
    damaged.write_bytes(observed_wheel.read_bytes().replace(b"RECORD", b"RECORE"))
    assert [problem.split(":")[0] for problem in examine(damaged, Environment(tmp_path)).problems] == ["refused"]
