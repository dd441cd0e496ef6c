"""A policy file that cannot be used says where, what, and what to write instead; all of it at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.policy import PolicyProblems, Problem, load_policy

Problems = Callable[..., list[tuple[int, int, str, str]]]
HEAD = "schema: 1\nname: acme\n"


def test_every_problem_is_listed_with_its_place(problems: Problems) -> None:
    found = problems(
        HEAD
        + """\
permissions:
  netwrk: {}
  network:
    allow:
      - https://example.com
      - {patern: example.com}
    overbroad: refused
rules:
  unused-permision: error
  unused-permission: fatal
minimum_tier: strong
"""
    )
    assert [(line, column) for line, column, _message, _help in found] == [
        (4, 3),
        (7, 9),
        (8, 9),
        (8, 10),
        (9, 16),
        (11, 3),
        (12, 22),
        (13, 15),
    ]
    assert found[0][2:] == ("unknown key 'netwrk' in permissions", "did you mean network?")
    assert found[5][3] == "did you mean unused-permission?"


@pytest.mark.parametrize(
    ("text", "place", "message", "remedy"),
    [
        ("", (1, 1), "empty", "schema: 1"),
        ("# only a comment\n", (1, 1), "empty", "schema: 1"),
        ("just text", (1, 1), "a mapping is wanted, not text", ""),
        ("- a\n- b\n", (1, 1), "a mapping is wanted, not a list", ""),
        ("name: acme\n", (1, 1), "schema is missing", ""),
        ("schema: 2\nname: acme\n", (1, 9), "'2' is not possible here", "1"),
        ("schema: 1\nname: Acme Corp\n", (2, 7), "does not fit", "lower-case"),
        (HEAD + "permissions:\n\tnetwork: {}\n", (4, 1), "not YAML", "tabs"),
        (HEAD + "rules: {a: [}\n", (3, 13), "not YAML", ""),
        (HEAD + "rules: {}\nname: other\n", (4, 1), "a second time", "first on line 2"),
        (HEAD + "rules: &all {}\n", (3, 8), "anchors and aliases", "write the value out"),
        (HEAD + "rules: *all\n", (3, 8), "anchors and aliases", "write the value out"),
        (HEAD + "rules: !!python/object/apply:os.system [id]\n", (3, 8), "tag", "plain values"),
        (HEAD + "rules: !!str {}\n", (3, 8), "tag", "plain values"),
        (HEAD + "---\nname: x\n", (3, 1), "a second document", "one file"),
        ("%YAML 1.1\n---\n" + HEAD, (2, 1), "YAML version other than 1.2", "leave the %YAML line out"),
        (HEAD + "? [a, b]\n: c\n", (3, 3), "a key has to be text", "key: value"),
        (HEAD + "<<: {}\n", (3, 1), "unknown key '<<'", ""),
        (HEAD + "description: 5\n", (3, 14), "text is wanted, not a number", ""),
        (HEAD + "scanners: {mypy: {required: yes}}\n", (3, 29), "true or false is wanted, not text", "YAML 1.2"),
        (HEAD + "scanners: {Semgrep: {}}\n", (3, 11), "'Semgrep' does not fit", "bandit, mypy, pip-audit"),
        (HEAD + "limits: {max_memory_mb: 0}\n", (3, 25), "minimum", ""),
        (HEAD + "network_limits: {connections: 0}\n", (3, 31), "minimum", ""),
        (HEAD + "network_limits: {conections: 5}\n", (3, 18), "unknown key 'conections'", "did you mean connections?"),
        (HEAD + "limits: {max_memory_mb: 1.5}\n", (3, 25), "a whole number is wanted, not a number", ""),
        (HEAD + "limits: {max_memory_mb: .inf}\n", (3, 25), "a whole number is wanted, not text", ""),
        (HEAD + "rules: {digest-mismatch: off}\n", (3, 9), "nobody may silence it", ""),
        (HEAD + "rules: {undeclared-permission: {level: warning}}\n", (3, 9), "nobody may silence it", ""),
        (HEAD + "rules: {bandit/: error}\n", (3, 9), "there is no rule 'bandit/'", "tool/ID"),
        (HEAD + "suppressions: {allow: [signature-invalid]}\n", (3, 24), "nobody may silence it", ""),
        (HEAD + "forbidden_packages: ['a b']\n", (3, 22), "does not fit", "pycrypto"),
        (HEAD + "advisories: {on_stale: ignore}\n", (3, 24), "not possible here", "incomplete, warning"),
        (
            HEAD + "permissions:\n  filesystem:\n    deny: [r:../x]\n",
            (5, 12),
            "not an absolute path",
            "docs/permissions.md",
        ),
        (HEAD + "permissions: {network: [a.org]}\n", (3, 24), "a mapping is wanted, not a list", ""),
        (HEAD + "permissions: {network: {deny: [{pattern: '', reason: x}]}}\n", (3, 42), "empty", ""),
        (HEAD + "permissions: {network: {deny: [null]}}\n", (3, 32), "text or a mapping is wanted, not nothing", ""),
    ],
)
def test_one_defect_is_one_problem_at_its_place(
    problems: Problems, text: str, place: tuple[int, int], message: str, remedy: str
) -> None:
    found = problems(text)
    assert len(found) == 1, found
    assert found[0][:2] == place, found
    assert message in found[0][2]
    assert remedy in found[0][3]


def test_all_duplicate_keys_are_listed(problems: Problems) -> None:
    found = problems(HEAD + "rules: {}\nname: b\nrules: {}\n")
    assert [line for line, *_rest in found] == [4, 5]


def test_aliases_that_would_grow_a_thousandfold_are_refused_at_the_first(problems: Problems) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "anchors" in problems("\n".join(lines))[0][2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe" + "schema: 1".encode("utf-16-le"), "not UTF-8"),
        (HEAD.encode() + b"description: caf\xe9\n", "not UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "may not stand in YAML"),
        (b"schema: 1\x00\n", "may not stand in YAML"),
        (b"\x1f\x8b\x08\x00" + bytes(range(256)), "not UTF-8"),
        (b"a" * 10_000_000, "larger than"),
        (b"[" * 100_000, "16 levels"),
        (b"- " * 50_000, ""),
        (b"{a: " * 10_000, "16 levels"),
        (b"- x\n" * 60_000, "20,000 values"),
        (b"'" + b"x" * 1000, "not YAML"),
        (b"%YAML 9.9\n---\na: b\n", "not YAML"),
        (b"%TAG ! tag:evil,2000:\n---\n!x a\n", "tag"),
    ],
)
def test_binary_huge_and_deep_files_are_refused(problems: Problems, content: bytes, message: str) -> None:
    found = problems(content)
    assert any(message in problem[2] for problem in found), found


def test_a_place_in_text_that_is_not_utf8_is_the_bad_byte(problems: Problems) -> None:
    assert problems(HEAD.encode() + b"description: caf\xe9\n")[0][:2] == (3, 17)


def test_a_byte_order_mark_is_accepted(write: Callable[..., Path]) -> None:
    assert load_policy(write(b"\xef\xbb\xbf" + HEAD.encode())).name == "acme"


def test_a_long_key_does_not_flood_the_message(problems: Problems) -> None:
    assert all(len(part) < 500 for problem in problems(HEAD + "k" * 5000 + ": 1\n") for part in map(str, problem))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("strct", "did you mean strict?"),
        ("production", "default, strict, development"),
        ("missing.yaml", "default, strict, development"),
        ("no/such/folder.yaml", "default, strict, development"),
        ("nul\0byte.yaml", "default, strict, development"),
    ],
)
def test_a_missing_policy_names_the_alternatives(name: str, words: str) -> None:
    with pytest.raises(ConfigurationProblem) as caught:
        load_policy(name)
    assert words in str(caught.value.help)
    assert not isinstance(caught.value, PolicyProblems)


def test_a_folder_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationProblem, match="directory"):
        load_policy(tmp_path)


def test_an_unreadable_file_is_reported(write: Callable[..., Path]) -> None:
    path = write(HEAD)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads every file")
    with pytest.raises(ConfigurationProblem, match="Permission denied"):
        load_policy(path)


def test_a_flood_of_problems_is_cut_short(problems: Problems) -> None:
    assert len(problems(HEAD + "".join(f"key{n}: 1\n" for n in range(2000)))) == 500
    with pytest.raises(PolicyProblems) as caught:
        raise PolicyProblems("x", [Problem(1, 1, "m", "")] * 101)
    assert str(caught.value).endswith("  ... and 1 more")


def test_a_file_in_place_of_a_folder_is_reported(write: Callable[..., Path]) -> None:
    with pytest.raises(ConfigurationProblem, match="Not a directory"):
        load_policy(write(HEAD) / "policy.yaml")


def test_policies_that_extend_each_other_are_refused(write: Callable[..., Path]) -> None:
    write(HEAD + "extends: acme.yaml\n", "b.yaml")
    with pytest.raises(ConfigurationProblem, match=r"acme\.yaml -> b\.yaml -> acme\.yaml"):
        load_policy(write(HEAD + "extends: b.yaml\n"))


def test_a_defect_in_an_extended_file_names_that_file(write: Callable[..., Path]) -> None:
    write("schema: 1\n", "base.yaml")
    with pytest.raises(PolicyProblems, match=r"base\.yaml:1:1: the policy: name is missing"):
        load_policy(write(HEAD + "extends: base.yaml\n"))


@pytest.mark.parametrize(
    "text",
    [
        "categories: [1]",
        "categories: {scraper: [1]}",
        "categories: {scraper: {permissions: [1]}}",
        "categories: {scraper: {permissions: {network: 5}}}",
        "categories: {scraper: {permissions: {network: {allow: {a: 1}}}}}",
        "categories: {scraper: {permissions: {network: {allow: [5, [], {pattern: 5}]}}}}",
        "categories: {scraper: {limits: [1]}}",
        "audiences: [ci]",
        "audiences: {ci: 5}",
        "audiences: {ci: {rules: [1]}}",
        "audiences: {ci: {rules: {no-shutdown: [off]}}}",
        "exceptions: {plugin: a}",
        "exceptions: [5, null, []]",
        "exceptions: [{plugin: [], sha256: {}, rules: 5, reason: [], owner: 5, until: []}]",
        "exceptions: [{plugin: a, rules: [[]], reason: r, owner: o, until: 20270101}]",
        "exceptions: [{plugin: a, rules: [shell-injection], reason: r, owner: o, until: 0000-00-00}]",
        "tests: {permission: a}",
        "tests: [5, null, []]",
        "tests: [{permission: 5, expect: []}]",
        "tests: [{limit: max_memory_mb, value: x, expect: {}}]",
        "tests: [{finding: [], expect: error, on: 5}]",
        "tests: [{permission: '', expect: allowed}]",
        "tests: [{permission: netwrk, expect: allowed}]",
        "scanners: {mypy: {enabled: 1}}",
        "suppressions: {allow: [[]]}",
        "exceptions: [" + "{}, " * 1025 + "{}]",
        "tests: [" + "{}, " * 1025 + "{}]",
    ],
    ids=lambda text: text[:60],
)
def test_wrong_shapes_are_problems_and_never_a_crash(problems: Problems, text: str) -> None:
    found = problems(f"{HEAD}{text}\n")
    assert found
    assert all(line == 3 for line, *_ in found)
