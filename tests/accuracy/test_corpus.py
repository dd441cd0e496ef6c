"""The committed labels, and, where the corpus has been fetched, the numbers that docs/accuracy.md states."""

from __future__ import annotations

import re

import pytest
from scoring.corpus import HERE, NotFetched, cached, packages
from scoring.network import NETWORK
from scoring.record import RUNTIME, read_labels
from scoring.score import CLAIMS, score

PERMISSIONS = {"network", "filesystem", "subprocess", "environment", "native", "dynamic_code", "registry"}


def test_every_label_names_a_package_a_permission_and_its_evidence() -> None:
    names = {package.name for package in packages()}
    for label in read_labels(RUNTIME):
        assert label["package"] in names
        assert label["permission"] in PERMISSIONS
        assert label["phase"] in {"import", "call"}
        assert label["why"]
    for claim in read_labels(CLAIMS):
        assert claim["package"] in names
        assert claim["permission"] in PERMISSIONS
        assert claim["why"]


def test_every_recorded_package_has_facts_and_a_script() -> None:
    recorded = {label["package"] for label in read_labels(RUNTIME)}
    assert len(recorded) >= 14
    for package in packages():
        assert package.name in recorded
        assert package.script.is_file()


def test_the_network_question_has_both_answers_in_equal_parts() -> None:
    answers = [label["network"] for label in read_labels(NETWORK)]
    assert len(answers) >= 30
    assert abs(2 * sum(answers) - len(answers)) <= 3


@pytest.mark.parametrize("name", ["corpus.txt", "network.txt", "popular.txt"])
def test_every_wheel_is_pinned_by_its_hash(name: str) -> None:
    lines = (HERE / name).read_text().splitlines()[1:]
    assert len(lines) >= 17
    for line in lines:
        assert re.fullmatch(r"[a-z0-9.-]+==\S+ --hash=sha256:[0-9a-f]{64}", line)


def test_no_label_holds_a_path_of_the_machine_it_was_made_on() -> None:
    text = RUNTIME.read_text()
    assert "/tmp/" not in text
    assert "/home/" not in text
    assert "/root/" not in text


@pytest.mark.registry
@pytest.mark.parametrize("package", packages(), ids=lambda package: package.name)
def test_nothing_the_own_code_was_seen_doing_is_missed(package: object) -> None:
    from scoring.corpus import Package

    assert isinstance(package, Package)
    try:
        cached(package.wheel)
        labels = [label for label in read_labels(RUNTIME) if label["package"] == package.name]
        result = score(package, [label for label in labels if not label["through"] and label["access"] != "import"])
    except NotFetched as reason:
        pytest.skip(str(reason))
    assert [missed.label["function"] for missed in result.missed if not missed.gap] == []
