"""A user's capability file: what it changes, and how its mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.inference.capabilities import load_maps, shipped_map
from theodore_plugin.rules.book import rule_set_digest
from theodore_sdk.info import PermissionType as P


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "own.toml"


def problem(path: Path, text: str) -> ConfigurationProblem:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationProblem) as caught:
        load_maps([path])
    return caught.value


def test_without_files_the_map_is_the_shipped_one() -> None:
    assert load_maps([]) is shipped_map()


def test_a_file_describes_a_library_the_map_does_not_know(own: Path) -> None:
    own.write_text("[[library]]\nmodule = 'acme'\neffects = [{ permission = 'network', names = ['fetch'] }]\n")
    assert load_maps([own]).of_call("acme.fetch")[0].permission is P.NETWORK
    assert shipped_map().library("acme") is None


def test_a_file_replaces_what_it_names_and_nothing_else(own: Path) -> None:
    own.write_text(
        "[[library]]\nmodule = 'requests'\nsafe = ['get']\n"
        "effects = [{ permission = 'subprocess', access = 'run', names = ['post', 'codes'] }]\n"
    )
    known = load_maps([own])
    assert known.of_call("requests.get") == ()
    assert {effect.permission for effect in known.of_call("requests.post")} == {P.SUBPROCESS}
    assert {effect.permission for effect in known.of_call("requests.codes")} == {P.SUBPROCESS}
    assert {effect.permission for effect in known.of_call("requests.put") if not effect.ambient} == {P.NETWORK}
    assert known.libraries["requests"].distribution == "requests"


def test_a_default_is_replaced_only_if_one_is_given(own: Path) -> None:
    own.write_text("[[library]]\nmodule = 'boto3'\nsafe = ['x']\n\n[[library]]\nmodule = 'redis'\ndefault = 'safe'\n")
    known = load_maps([own])
    assert known.of_call("boto3.anything")
    assert known.of_call("redis.anything") == ()


def test_later_files_win(own: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.toml"
    for path, permission in ((own, "network"), (second, "subprocess")):
        path.write_text(f"[[library]]\nmodule = 'acme'\neffects = [{{ permission = '{permission}', names = ['f'] }}]\n")
    assert load_maps([own, second]).of_call("acme.f")[0].permission is P.SUBPROCESS
    assert load_maps([second, own]).of_call("acme.f")[0].permission is P.NETWORK


def test_a_module_can_be_called_harmless(own: Path) -> None:
    own.write_text("harmless = ['acme', 'boto3']\n")
    known = load_maps([own])
    assert known.library("acme") is not None
    assert known.of_call("acme.f") == ()
    assert known.of_call("boto3.client"), "what the shipped map says of a library is not taken back by that"


def test_aliases_of_a_file_reach_across_libraries(own: Path) -> None:
    own.write_text("[[library]]\nmodule = 'acme'\naliases = { '=acme_http' = 'requests', run = 'os.system' }\n")
    known = load_maps([own])
    assert known.canonical("acme_http.get") == "requests.get"
    assert known.canonical("acme.run") == "os.system"


def test_every_map_has_its_own_digest(own: Path) -> None:
    own.write_text("harmless = ['acme']\n")
    first = load_maps([own]).digest
    own.write_text("harmless = ['acme' ]\n")
    second = load_maps([own]).digest
    assert len({shipped_map().digest, first, second}) == 3
    assert rule_set_digest(first) != rule_set_digest()


@pytest.mark.parametrize(
    ("text", "line", "message", "remedy"),
    [
        ("harmless = ['a'\n[[library]]\n", 2, "not TOML", "capabilities.schema.json"),
        ("x = 1\n", 1, "Additional properties are not allowed", "harmless, library"),
        ("[[library]]\nmodul = 'a'\n", 2, "modul", "did you mean module?"),
        ("\n\n[[library]]\ndistribution = 'a'\n", 3, "'module' is a required property", "add module = ..."),
        (
            "[[library]]\nmodule = 'a'\n[[library]]\nmodule = 'b'\neffects = [\n"
            "  { permission = \"network\", names = ['f'] },\n  { permission = \"netwrk\", names = ['g'] },\n]\n",
            7,
            "b permission: 'netwrk' is not one of",
            "permission is one of network, filesystem",
        ),
        (
            "[[library]]\nmodule = 'a'\neffects = [\n"
            "  { permission = 'network', access = \"conect\", names = ['f'] },\n]\n",
            4,
            "a access: 'conect'",
            "access is one of",
        ),
        (
            "[[library]]\nmodule = 'a'\n\neffects = [{ permission = 'network', target = \"uri\", names = ['f'] }]\n",
            4,
            "a target: 'uri' does not match",
            "capabilities.schema.json",
        ),
        ("[[library]]\nmodule = 3\n", 2, "module: 3 is not of type 'string'", "capabilities.schema.json"),
        ("library = 3\n", 1, "3 is not of type 'array'", "capabilities.schema.json"),
        (
            "[[library]]\nmodule = 'a'\n[[library]]\nmodule = \"a\"\n",
            4,
            "a: is described twice",
            "one [[library]] table",
        ),
        (
            "[[library]]\nmodule = 'a'\nsafe = [\"f\"]\neffects = [{ permission = 'network', names = ['f'] }]\n",
            3,
            "a.f: is safe and has effects",
            "take it out of one",
        ),
        ("[[library]]\nmodule = 'a'\naliases = { f = 'a.f' }\n", 1, "a.f: its alias leads round", "shorten it"),
    ],
)
def test_a_mistake_is_told_with_file_line_key_and_remedy(
    own: Path, text: str, line: int, message: str, remedy: str
) -> None:
    found = problem(own, text)
    assert f"{own}:{line}: " in str(found)
    assert message in str(found)
    assert remedy in str(found.help)


def test_all_mistakes_are_told_at_once(own: Path) -> None:
    text = "[[library]]\nmodule = 1\n[[library]]\nmodule = 'b'\nsave = []\n[[library]]\nmodule = 'c'\ndefault = 'x'\n"
    assert len(str(problem(own, text)).splitlines()) == 3


@pytest.mark.parametrize("data", [b"\xff\xfe[\x00", b"module = '\xe4'"])
def test_a_file_that_is_no_utf8_is_said_so(own: Path, data: bytes) -> None:
    own.write_bytes(data)
    with pytest.raises(ConfigurationProblem, match="not UTF-8"):
        load_maps([own])


def test_a_missing_or_huge_file_or_a_folder_is_said_so(own: Path, tmp_path: Path) -> None:
    for path in (own, tmp_path):
        with pytest.raises(ConfigurationProblem, match="capability map"):
            load_maps([path])
    own.write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    with pytest.raises(ConfigurationProblem, match="larger than"):
        load_maps([own])


def test_deeply_nested_toml_is_refused_not_fatal(own: Path) -> None:
    assert "not TOML" in str(problem(own, "x = " + "[" * 100_000 + "\n"))
