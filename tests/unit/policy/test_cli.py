from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.cli import main

Output = pytest.CaptureFixture[str]


def test_show_spells_the_effective_policy_out(capsys: Output) -> None:
    assert main(["policy", "show", "strict"]) == 0
    out = capsys.readouterr().out
    assert load_policy("strict").digest in out
    assert "deny   169.254.0.0/16  link-local addresses serve cloud credentials  (default.yaml:" in out
    assert "deny   listen:*" in out
    assert "subprocess    nothing is allowed" in out
    assert "unused-permission: error" in out


def test_show_json_is_what_the_digest_covers(capsys: Output) -> None:
    assert main(["policy", "show", "--output-format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    policy = load_policy("default")
    assert document == {"digest": policy.digest, "decisions": policy.decisions()}


def test_a_reason_cannot_colour_the_terminal(capsys: Output, write: Callable[..., Path]) -> None:
    path = write(
        'schema: 1\nname: acme\npermissions: {network: {allow: [{pattern: a.org, reason: "\\e[2J\\u202e"}]}}\n'
    )
    assert main(["policy", "show", str(path)]) == 0
    out = capsys.readouterr().out
    assert "<U+001B>[2J<U+202E>" in out
    assert "\x1b" not in out


def test_check_accepts_a_usable_file(capsys: Output, write: Callable[..., Path]) -> None:
    path = write("schema: 1\nname: acme\n")
    assert main(["policy", "check", str(path)]) == 0
    assert f"acme sha256:{load_policy(path).digest}" in capsys.readouterr().out


def test_check_lists_every_problem_and_exits_2(capsys: Output, write: Callable[..., Path]) -> None:
    path = write("schema: 1\nname: acme\nrulez: {}\nminimum_tier: strong\n")
    assert main(["policy", "check", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "acme.yaml:3:1: unknown key 'rulez' in the policy (did you mean rules?)" in captured.err
    tiers = "(one of none, basic, standard, isolated)"
    assert f"acme.yaml:4:15: minimum_tier: 'strong' is not possible here {tiers}" in captured.err
    assert "help: correct the file" in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    "arguments", [["show", "strct"], ["show", "missing.yaml"], ["check", "missing.yaml"], ["check", "/"]]
)
def test_what_cannot_be_read_exits_2_with_help(capsys: Output, arguments: list[str]) -> None:
    assert main(["policy", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "help: " in err
    assert "Traceback" not in err
