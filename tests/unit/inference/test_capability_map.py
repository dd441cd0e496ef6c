"""The capability map is well formed, and speaks about names that exist."""

from __future__ import annotations

import importlib
import json
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.inference.capabilities import load_maps, shipped_map
from theodore_sdk.info import PermissionType

FILES = sorted((policies_dir() / "capabilities").glob("*.toml"))
SCHEMA = json.loads((policies_dir() / "schemas" / "capabilities.schema.json").read_text())
REMOVED_OR_ELSEWHERE = {"commands", "imp", "asyncore", "telnetlib", "nntplib", "ensurepip"}
"""Not in every supported Python; code may still try to import them."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_map_fits_its_schema(path: Path) -> None:
    jsonschema.validate(tomllib.loads(path.read_text()), SCHEMA)


def test_no_library_is_described_twice() -> None:
    modules = [library["module"] for path in FILES for library in tomllib.loads(path.read_text())["library"]]
    assert len(modules) == len(set(modules))


def stdlib_names() -> list[str]:
    return sorted(
        name
        for name in shipped_map().effects
        if name.split(".", 1)[0] in sys.stdlib_module_names | {"builtins"} and "()" not in name and "<" not in name
    )


def exists(name: str) -> bool:
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        return all((found := getattr(found, part, None)) is not None for part in parts[cut:])
    return False


NEWER = {
    "dbm.gnu.open",
    "dbm.ndbm.open",
    "dbm.sqlite3.open",
    "os.chflags",
    "os.startfile",
    "os.lchmod",
    "pathlib.Path.copy",
    "pathlib.Path.copy_into",
    "pathlib.Path.move",
    "pathlib.Path.move_into",
    "pathlib.Path.walk",
    "ctypes.windll",
    "ctypes.OleDLL",
    "ctypes.WinDLL",
    "ctypes.windll.LoadLibrary",
    "ctypes.from_address",
    "subprocess._posixsubprocess.fork_exec",
    "imaplib.IMAP4_stream",
    "pathlib.Path.link_to",
    "ssl.wrap_socket",
}
"""Other systems, builds or Python versions have these."""


def test_standard_library_names_exist() -> None:
    skipped = {name for name in stdlib_names() if name.split(".", 1)[0] in REMOVED_OR_ELSEWHERE}
    missing = [name for name in stdlib_names() if name not in skipped | NEWER and not exists(name)]
    assert missing == []


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
    assert {effect.permission for effect in shipped_map().of_call(name)} == {permission}


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
