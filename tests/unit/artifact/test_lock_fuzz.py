"""Locks that strangers wrote: a lock, or a refusal; never another exception."""

from __future__ import annotations

import random

from theodore_loader.artifact.lock import read_lock, select_wheels
from theodore_loader.errors import Refused

GOOD = """\
lock-version = "1.0"
environments = ["sys_platform == 'linux'", "python_version >= '3.11'"]
created-by = "tool"
requires-python = ">=3.8"

[[packages]]
name = "alpha"
version = "1.0"
marker = "python_version < '4' and 'x' not in extras"
requires-python = ">=3.8"
wheels = [{ url = "https://example.com/alpha-1.0-py3-none-any.whl", size = 1, hashes = { sha256 = "HASH" } }]

[[packages]]
name = "beta"
version = "2.0"
wheels = [{ path = "beta-2.0-py3-none-any.whl", hashes = { sha256 = "HASH" } }]
""".replace("HASH", "0f" * 32)

TOKENS = [
    "1", "-1", '""', '"x"', "[]", "{}", "true", "1.5", "1979-05-27", '["a"]', "{ a = 1 }", '"\\u0000"', "nan",
    '"[::1"', '"http://["', "'>=,'", "\"os_name ~= 'x'\"", "\"extra == 'x'\"", '"../x.whl"',
]  # fmt: skip


def mutated(rng: random.Random) -> str:
    """Replace values, drop or repeat lines, and now and then cut characters."""
    lines = GOOD.splitlines()
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines))
        kind = rng.randrange(5)
        if kind <= 1 and " = " in lines[at]:
            lines[at] = lines[at].partition(" = ")[0] + " = " + rng.choice(TOKENS)
        elif kind == 2:
            lines.insert(at, rng.choice(lines))
        elif kind == 3 and len(lines) > 1:
            del lines[at]
        elif lines[at]:
            cut = rng.randrange(len(lines[at]))
            lines[at] = lines[at][:cut] + rng.choice(TOKENS) + lines[at][cut + 1 :]
    return "\n".join(lines)


def test_mutated_locks_are_locks_or_refused():
    assert len(select_wheels(read_lock(GOOD.encode()))) == 2
    rng = random.Random(20_260_103)
    accepted = 0
    for _ in range(3000):
        try:
            selected = select_wheels(read_lock(mutated(rng).encode()))
        except Refused as refusal:
            assert refusal.help  # noqa: PT017 - acceptance is the other valid outcome
            continue
        accepted += 1
        assert all(len(wheel.sha256) == 64 and "/" not in wheel.filename for wheel in selected)
    assert 0 < accepted < 3000
