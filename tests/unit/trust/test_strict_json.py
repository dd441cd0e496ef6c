"""Documents of strangers that are small and would cost much."""

from __future__ import annotations

import pytest

from theodore_loader import strict_json


def test_a_key_that_is_there_twice_is_found_in_one_pass() -> None:
    """A hundred thousand others before it: compared pair by pair they would take most of an hour."""
    members = ",".join(f'"{number:x}":1' for number in range(100_000))
    with pytest.raises(strict_json.JsonError, match="duplicate key 'last'"):
        strict_json.loads(f'{{{members},"last":1,"last":1}}'.encode(), max_bytes=2 << 20)


def test_a_duplicate_key_is_shown_in_part() -> None:
    key = "k" * 10_000
    with pytest.raises(strict_json.JsonError) as refusal:
        strict_json.loads(f'{{"{key}":1,"{key}":1}}'.encode(), max_bytes=1 << 20)
    assert len(str(refusal.value)) < 200
