"""Effects that depend on an argument: on its text, or on whether it is passed at all."""

from __future__ import annotations

import pytest

from theodore_plugin.facts.names import Names
from theodore_plugin.inference.capabilities import Effect, shipped_map
from theodore_plugin.inference.infer import infer
from theodore_sdk.info import PermissionType as P


@pytest.mark.parametrize(
    ("texts", "answer"),
    [
        (["https://a.example/x"], True),
        (["/data/x.csv"], False),
        (["/data/x.csv", "http://a.example"], True),
        ([], None),
        (["{*}/x.csv"], None),
        (["ht{*}"], None),
        (["http://{*}"], True),
        (["/data/{*}"], False),
        ([""], False),
    ],
)
def test_only_needs_a_text_that_starts_so(texts: list[str], answer: bool | None) -> None:
    assert Effect(P.NETWORK, "connect", "url", only=("http://", "https://")).applies(texts) is answer


@pytest.mark.parametrize(
    ("texts", "answer"),
    [
        ([":memory:"], False),
        (["/x.db"], True),
        ([], None),
        ([":mem{*}"], None),
        (["{*}"], None),
        ([":memory:", "x"], True),
    ],
)
def test_unless_is_met_by_every_other_text(texts: list[str], answer: bool | None) -> None:
    assert Effect(P.FILE_SYSTEM, "write", "path", unless=(":memory:",)).applies(texts) is answer


def test_an_unconditional_effect_always_applies() -> None:
    assert Effect(P.NETWORK, "connect").applies([]) is True


def permissions(code: str) -> set[tuple[str, str]]:
    from theodore_plugin.facts.from_libcst import lower
    from theodore_plugin.facts.model import ModuleFacts
    from theodore_plugin.project import PluginProject

    facts = lower(PluginProject.from_files({"demo.py": code.encode()}).files[0])
    assert isinstance(facts, ModuleFacts)
    found = infer(Names({"demo": facts}), shipped_map(), ())
    return {(item.permission.value, item.access) for item in found.permissions}


@pytest.mark.parametrize(
    ("call", "writes"),
    [
        ("logging.basicConfig(level=10)", False),
        ("logging.basicConfig(filename='/var/log/x')", True),
        ("logging.basicConfig(filename=name)", True),
        ("logging.basicConfig(**options)", True),
        ("sqlite3.connect(':memory:')", False),
        ("sqlite3.connect('/x.db')", True),
        ("sqlite3.connect(name)", True),
    ],
)
def test_inference_asks_whether_an_effect_applies(call: str, writes: bool) -> None:
    code = f"import logging\nimport sqlite3\n\n\ndef f(name, options):\n    {call}\n"
    assert (("filesystem", "write") in permissions(code)) is writes
