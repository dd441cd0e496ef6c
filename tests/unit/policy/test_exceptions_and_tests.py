"""What the schema and the reader accept as exceptions and tests, and how they are laid over each other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from theodore_loader.policy import load_policy

Write = Callable[..., Path]
HEAD = "schema: 1\nname: acme\n"
GOOD = "{plugin: Acme_Tables, rules: [shell-injection], reason: r, owner: o, until: 2027-02-28}"


def test_an_exception_arrives_whole(write: Write) -> None:
    [one] = load_policy(write(f"{HEAD}exceptions:\n  - {GOOD}\n")).exceptions
    assert (one.plugin, one.rules, one.until, one.location) == (
        "acme-tables",
        ("shell-injection",),
        date(2027, 2, 28),
        "acme.yaml:4",
    )
    assert one.concerns("acme-tables", None)
    assert not one.concerns("other", "0" * 64)


def test_an_exception_for_bytes_is_for_those_bytes_alone(write: Write) -> None:
    [one] = load_policy(
        write(f"{HEAD}exceptions: [{GOOD.replace('plugin: Acme_Tables', 'sha256: ' + 'a' * 64)}]\n")
    ).exceptions
    assert one.concerns("any", "a" * 64)
    assert not one.concerns("any", "b" * 64)
    assert not one.concerns("any", None)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{rules: [shell-injection], reason: r, owner: o, until: 2027-01-01}", "an exception is for one plugin"),
        (GOOD.replace("plugin", f"sha256: {'a' * 64}, plugin"), "an exception is for one plugin"),
        (GOOD.replace("2027-02-28", "2027-02-30"), "2027-02-30 is no day"),
        (GOOD.replace("2027-02-28", "soon"), "'soon' does not fit"),
        (GOOD.replace("[shell-injection]", "[shell-injektion]"), "there is no rule 'shell-injektion'"),
        (GOOD.replace("[shell-injection]", "[signature-invalid]"), "signature-invalid cannot be set"),
        (GOOD.replace("[shell-injection]", "[]"), "exceptions.1.rules"),
        (GOOD.replace("reason: r, ", ""), "reason is missing"),
        (GOOD.replace("owner: o, ", ""), "owner is missing"),
        (GOOD.replace(", until: 2027-02-28", ""), "until is missing"),
        (GOOD.replace("owner", "ownr"), "unknown key 'ownr'"),
        ("5", "a mapping is wanted"),
    ],
    ids=[
        "nobody", "two-plugins", "no-such-day", "not-a-day", "misspelt-rule", "fixed-rule", "no-rules", "no-reason",
        "no-owner", "no-end", "unknown-key", "number",
    ],
)  # fmt: skip
def test_a_wrong_exception_is_explained(
    problems: Callable[..., list[tuple[int, int, str, str]]], entry: str, message: str
) -> None:
    found = problems(f"{HEAD}exceptions:\n  - {entry}\n")
    assert any(message in said for _, _, said, _ in found)
    assert {line for line, *_ in found} == {4}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{expect: allowed}", "a test asks one question"),
        ("{permission: network a.org, package: x, expect: allowed}", "a test asks one question"),
        ("{permission: network a.org}", "expect is missing"),
        ("{permission: network a.org, expect: warning}", "permission has no answer 'warning'"),
        ("{permission: 'network https://a.org', expect: allowed}", "a URL, not a host"),
        ("{permission: netwrk a.org, expect: allowed}", "netwrk"),
        ("{limit: max_memory_mb, expect: 5}", "says what is declared"),
        ("{limit: max_memory_mb, value: 5, expect: allowed}", "'allowed' is no limit"),
        ("{limit: max_memory, value: 5, expect: 5}", "not possible here"),
        ("{finding: shell-injektion, expect: error}", "there is no rule 'shell-injektion'"),
        ("{finding: shell-injection, expect: maybe}", "'maybe' is not possible here"),
        ("{finding: shell-injection, expect: error, on: 2027-13-01}", "2027-13-01 is no day"),
        ("{package: x, severity: error, expect: allowed}", "severity goes with finding"),
    ],
)
def test_a_wrong_test_is_explained(
    problems: Callable[..., list[tuple[int, int, str, str]]], entry: str, message: str
) -> None:
    assert any(message in said for _, _, said, _ in problems(f"{HEAD}tests:\n  - {entry}\n"))


def test_a_written_list_of_exceptions_replaces_the_inherited_one(write: Write) -> None:
    write(f"{HEAD}exceptions:\n  - {GOOD}\ntests:\n  - {{package: x, expect: allowed}}\n", "base.yaml")
    inherits = load_policy(write("schema: 1\nname: up\nextends: base.yaml\n"))
    assert [one.location for one in inherits.exceptions] == ["base.yaml:4"]
    assert inherits.tests == ()
    drops = load_policy(write("schema: 1\nname: up\nextends: base.yaml\nexceptions: []\n"))
    assert drops.exceptions == ()


def test_the_digest_covers_exceptions_and_not_who_answers_for_them_nor_tests(write: Write) -> None:
    digest = load_policy(write(f"{HEAD}exceptions: [{GOOD}]\n")).digest
    assert load_policy(write(f"{HEAD}exceptions: []\n")).digest != digest
    for same in (GOOD.replace("owner: o", "owner: somebody"), GOOD.replace("reason: r", "reason: other")):
        assert load_policy(write(f"{HEAD}exceptions: [{same}]\n")).digest == digest
    for other in (GOOD.replace("2027-02-28", "2027-02-27"), GOOD.replace("plugin: A", "path: x, plugin: A")):
        assert load_policy(write(f"{HEAD}exceptions: [{other}]\n")).digest != digest
    tested = f"{HEAD}exceptions: [{GOOD}]\ntests: [{{package: x, expect: allowed}}]\n"
    assert load_policy(write(tested)).digest == digest


def test_files_of_one_name_in_two_folders_keep_their_places_apart(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    text = "schema: 1\nname: a\npermissions: {network: {deny: [%s]}}\n"
    (tmp_path / "base" / "acme.yaml").write_text(text % "low.org")
    (tmp_path / "acme.yaml").write_text(text % "up.org" + "extends: base/acme.yaml\n")
    policy = load_policy(tmp_path / "acme.yaml")
    [rules] = policy.permissions.values()
    assert [entry.location for entry in rules.deny] == ["base/acme.yaml:3", "acme.yaml:3"]
