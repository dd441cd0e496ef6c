"""hardcoded-secret: every format is found, no finding shows a value, and hostile files cost little."""

from __future__ import annotations

import random
import re
import string
import time

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.finding import Finding
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.code import hardcoded_secret
from theodore_plugin.rules.code.secret_shapes import entropy, formats_in, looks_random
from theodore_plugin.rules.examples import example_files

POLICY = load_policy("default")
DICE = random.Random(20)
WORDS = string.ascii_letters + string.digits


def made(pattern: str) -> str:
    """Fill ``{n}`` with random letters and digits, ``{xn}`` with hexadecimal ones, ``{un}`` with upper case ones."""
    alphabets = {"": WORDS, "x": "0123456789abcdef", "u": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "l": string.ascii_letters}

    def fill(found: re.Match[str]) -> str:
        return "".join(DICE.choice(alphabets[found[1]]) for _ in range(int(found[2])))

    return re.sub(r"\{([xul]?)(\d+)\}", fill, pattern)


SHAPES = {
    "an AWS access key id": "AKIA{u16}",
    "a GitHub token": "ghs_{36}",
    "a fine-grained GitHub token": "github_pat_{22}_{59}",
    "a GitLab token": "glpat-{20}",
    "a Slack webhook": "https://hooks.slack.com/services/T0{u8}/B0{u8}/{24}",
    "a Stripe key": "rk_live_{24}",
    "an OpenAI key": "sk-proj-{40}T3BlbkFJ{40}",
    "an Anthropic key": "sk-ant-api03-{93}AA",
    "a Google API key": "AIza{35}",
    "a Google OAuth secret": "GOCSPX-{28}",
    "a Hugging Face token": "hf_{l34}",
    "an npm token": "npm_{36}",
    "a PyPI token": "pypi-AgE{90}",
    "a SendGrid key": "SG.{22}.{43}",
    "a Telegram bot token": "8374629183:AA{33}",
    "a DigitalOcean token": "dop_v1_{x64}",
    "a Databricks token": "dapi{x32}",
    "a Shopify token": "shpat_{x32}",
    "an Azure storage key": "AccountKey={86}==",
    "a password in a URL": "amqps://worker:{16}@queue.internal.net/jobs",
}


def found(code: str) -> list[Finding]:
    project = PluginProject.from_files(example_files(code))
    return list(analyse(project, POLICY, rules=[hardcoded_secret]).findings)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_a_format_is_found_and_not_shown(shape: str) -> None:
    value = made(shape)
    (finding,) = found(f"VALUE = {value!r}\n")
    assert finding.location.line == 1
    said = f"{finding.message} {finding.help} {finding.subject}"
    assert not any(part in said for part in (value[start : start + 8] for start in range(len(value) - 8)))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_a_format_inside_a_longer_word_is_another_word(shape: str) -> None:
    value = made(shape)
    if "://" not in value:
        assert not list(formats_in(f"x{value}"))


def test_a_random_value_is_found_by_its_name_alone_and_not_shown() -> None:
    value = made("{24}") + "9aZ"
    (finding,) = found(f"ACME_API_KEY = {value!r}\n")
    assert "ACME_API_KEY" in finding.message
    assert value[:6] not in f"{finding.message}{finding.help}{finding.subject}"
    assert found(f"ACME_COLOUR = {value!r}\n") == []


@pytest.mark.parametrize(
    "value",
    ["", "x" * 40, "correct-horse-battery-staple", "https://example.net/a/b/c1", "%(password)s", "Aa1" * 2, "A1" * 600],
)
def test_what_is_short_long_worded_or_repeated_is_not_random(value: str) -> None:
    assert not looks_random(value)


def test_entropy_is_that_of_shannon() -> None:
    assert entropy("aaaa") == 0
    assert entropy("abab") == 1
    assert entropy("abcd") == 2


@pytest.mark.parametrize("piece", ["://a:", "sk-", "SK" + "a" * 31, "-----BEGIN PRIVATE KEY-----\n", "ghp_", "xoxb-1"])
def test_a_file_of_beginnings_takes_a_moment(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    started = time.perf_counter()
    assert list(formats_in(text)) == []
    assert time.perf_counter() - started < 5
