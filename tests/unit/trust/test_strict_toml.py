"""TOML that is small and would cost much, and TOML that is merely long."""

from __future__ import annotations

import tomllib

import pytest

from theodore_loader import strict_toml
from theodore_loader.artifact.lock import read_lock
from theodore_loader.errors import Refused

PART = {"bare": "a", "basic": '"a"', "literal": "'a'"}


@pytest.mark.parametrize("part", PART.values(), ids=PART)
@pytest.mark.parametrize("form", ["x.{} = 1", "[x.{}]", "[[x.{}]]", "x = {{ y.{} = 1 }}", "x . {} = 1"])
def test_keys_of_a_hundred_thousand_parts_are_refused_before_they_are_parsed(form: str, part: str) -> None:
    document = form.format(" . ".join([part] * 100_000))
    with pytest.raises(ValueError, match="a key of more than 64 parts"):
        strict_toml.loads(document)


@pytest.mark.parametrize("text", ["x = 1" + "1" * 5000, "x = " + "[" * 100_000, "x = ", "x = 1\nx = 2"])
def test_what_is_no_toml_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        strict_toml.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"[t.{number}.x]" for number in range(1000)),
        f"x = '{'a' * 1_000_000}'",
        f"x = [{', '.join(['{ url = ' + repr('https://e.example/a-1.0-py3.whl') + ' }'] * 1000)}]",
        f"x = '{'. ' * 10_000}'",
        f"x = '{'a.' * 30}'",
    ],
)
def test_long_documents_are_read_as_ever(text: str) -> None:
    assert strict_toml.loads(text) == tomllib.loads(text)


@pytest.mark.parametrize("lock", ["x" + ".a" * 100_000 + " = 1", "x = 1" + "1" * 5000])
def test_a_lock_that_would_take_hours_or_fail_is_refused(lock: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_lock(lock.encode())
    assert refusal.value.rule == "unpinned-lock"
