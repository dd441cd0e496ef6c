"""Scores of vectors published with their score: the examples of the CVSS 3.1 documents and of advisories."""

import pytest

from theodore_plugin.advisories.cvss import base_score, rating, severity


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", 7.5),
        ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8),
        ("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
        ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", 1.6),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:N/A:N/E:P/RL:O", 5.9),
    ],
)
def test_the_base_score_is_the_published_one(vector, score):
    assert base_score(vector) == score


@pytest.mark.parametrize(
    "vector",
    [
        "",
        "7.5",
        "CVSS:3.1",
        "CVSS:3.1/AV:N/S:U",
        "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "AV:N/AC:L/Au:N/C:P/I:P/A:P",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
    ],
)
def test_what_is_no_cvss_3_vector_has_no_score(vector):
    assert base_score(vector) is None


@pytest.mark.parametrize(
    ("score", "word"), [(0.0, "low"), (3.9, "low"), (4.0, "medium"), (7.0, "high"), (9.0, "critical")]
)
def test_the_rating_changes_at_the_bounds_of_the_specification(score, word):
    assert rating(score) == word


HIGH = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({}, ""),
        ({"severity": [HIGH]}, "high, CVSS 7.5"),
        ({"severity": [HIGH], "database_specific": {"severity": "MODERATE"}}, "medium, CVSS 7.5"),
        ({"database_specific": {"severity": "CRITICAL"}}, "critical"),
        ({"severity": "high", "database_specific": [1]}, ""),
        ({"severity": [1, {"score": 7}, {"type": "CVSS_V4"}], "database_specific": {"severity": {}}}, ""),
    ],
    ids=["silent", "vector", "both", "word", "wrong types", "wrong types inside"],
)
def test_severity_is_a_word_and_a_score_or_nothing(record, says):
    assert severity(record) == says
