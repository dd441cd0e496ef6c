"""The capability map is well formed, and speaks about names that exist."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.inference.capabilities import load_maps, shipped_files, shipped_map
from theodore_sdk.info import PermissionType

FILES = shipped_files()
SCHEMA = json.loads((policies_dir() / "schemas" / "capabilities.schema.json").read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_map_fits_its_schema(path: Path) -> None:
    jsonschema.validate(tomllib.loads(path.read_text()), SCHEMA)


@pytest.mark.parametrize(
    ("name", "permission"),
    [
        ("os.system", PermissionType.SUBPROCESS),
        ("socket.create_connection", PermissionType.NETWORK),
        ("builtins.open", PermissionType.FILE_SYSTEM),
        ("os.environ.get", PermissionType.ENVIRONMENT),
        ("ctypes.CDLL", PermissionType.NATIVE),
        ("builtins.eval", PermissionType.DYNAMIC_CODE),
        ("boto3.client", PermissionType.NETWORK),
        ("httpx.AsyncClient().get", PermissionType.NETWORK),
    ],
)
def test_well_known_names_have_their_permission(name: str, permission: PermissionType) -> None:
    assert {effect.permission for effect in shipped_map().of_call(name) if not effect.ambient} == {permission}


def test_safe_names_and_unlisted_ones_follow_the_rules() -> None:
    known = shipped_map()
    assert known.of_call("openai.types") == ()
    assert known.of_call("openai.OpenAI().chat.completions.create")[0].permission is PermissionType.NETWORK
    assert known.of_call("bs4.BeautifulSoup") == ()
    assert known.library("unheard.of") is None


def test_aliases_are_followed() -> None:
    known = shipped_map()
    assert known.canonical("posix.system") == "os.system"
    assert known.canonical("requests.sessions.Session") == "requests.Session"
    assert known.canonical("_socket.socket") == "socket.socket"


@pytest.mark.parametrize(
    "text", ["library = 1", "[[library]]\n", "[[library]]\nmodule = 'x'\neffects = [{ names = ['a'] }]", "x ="]
)
def test_a_broken_map_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationProblem, match=r"own\.toml"):
        load_maps([path])
