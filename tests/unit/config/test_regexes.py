from __future__ import annotations

import re
import time

import pytest

from theodore_loader.config.regexes import MAX_TEXT, regex_problem


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^[a-z]+$",
        "^https?://[^/\\s]+/.*$",
        "^(?:[0-9]{1,3}\\.){3}[0-9]{1,3}$",
        "^[A-Z]{2}-\\d{4}$",
        "^(?P<year>\\d{4})-(\\d\\d)$",
        "^[\\w.+-]+@[\\w-]+\\.[a-z]{2,8}$",
        "^(?:GET|POST|PUT)$",
        "[]a^-]*",
        "^\\(\\)\\*+$",
        "a|b|c",
        "^sk-[A-Za-z0-9]{20,64}$",
    ],
)
def test_ordinary_patterns_are_accepted(pattern: str) -> None:
    assert regex_problem(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "^(a|a)*$",
        "^(a|aa)+$",
        "^((a?){30}){30}$",
        "(.*)*",
        "(" * 40 + "a*" + "){512}" * 40,
        "(?:a{0,512}){0,512}",
        "(x+x+)+y",
        "^(\\w+\\s?)*$",
        ".*a.*b.*c.*",
        "^a*a*a*a*a*$",
        "(?=a+)b",
        "(?<!a)b",
        "(?i)abc",
        "(a)\\1",
        "(?P<x>a)(?P=x)",
        "(?(1)a|b)",
        "[",
        "(",
        "*",
        "a{1001,1000}",
        "a" * 600,
        "(" * 400 + ")" * 400,
    ],
)
def test_patterns_that_could_stall_are_refused(pattern: str) -> None:
    assert regex_problem(pattern)


@pytest.mark.parametrize("pattern", ["^a*a*a*$", "^[ab]*a[ab]*b[ab]*c$", "a*a*c", "^(?:a?){17}b$", "^(a|b|ab){9}c$"])
def test_the_worst_that_is_accepted_ends(pattern: str) -> None:
    assert regex_problem(pattern) is None
    text = "a" * (MAX_TEXT - 1) + "x"
    before = time.process_time()
    assert not re.search(pattern, text)
    # measured at 0.1 to 0.8 s; the refused ones would run for longer than anyone waits
    assert time.process_time() - before < 20
