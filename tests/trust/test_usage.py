"""Which plugins a change of the SDK touches: installed ones, wheels, and those that do not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from theodore_loader.preparation import Preparation
from theodore_loader.trust.trust_file import TrustFile
from theodore_plugin.cli import main
from theodore_plugin.packaging.api_usage import ApiUsage, to_json

USED = to_json(
    ApiUsage(
        frozenset({"theodore_sdk.PluginContext.logger", "theodore_sdk.RateLimit", "theodore_sdk.RateLimit.per_minute"}),
        frozenset({"theodore_sdk.ScraperPlugin.scrape_content"}),
    )
)


@pytest.fixture
def asked(capsys) -> Any:
    def ask(symbol: str, *wheels: Path) -> tuple[int, dict[str, Any]]:
        code = main(["usage", symbol, *map(str, wheels), "--format", "json"])
        return code, {one["plugin"]: one for one in json.loads(capsys.readouterr().out)["plugins"]}

    return ask


@pytest.fixture
def wheels(workshop, tmp_path: Path) -> list[Path]:
    stated = {"acme-hello": USED, "acme-other": to_json(ApiUsage()), "acme-silent": None, "acme-lying": b"{}"}
    return [workshop.write(tmp_path, name=name, usage=usage)[0] for name, usage in stated.items()]


@pytest.mark.parametrize(
    ("symbol", "names"),
    [
        ("theodore_sdk.RateLimit", ["theodore_sdk.RateLimit", "theodore_sdk.RateLimit.per_minute"]),
        ("RateLimit", ["theodore_sdk.RateLimit", "theodore_sdk.RateLimit.per_minute"]),
        ("per_minute", ["theodore_sdk.RateLimit.per_minute"]),
        ("ScraperPlugin.scrape_content", ["theodore_sdk.ScraperPlugin.scrape_content"]),
        ("Rate", []),
        ("RateLimit.logger", []),
        ("rate_limit", []),
    ],
)
def test_a_name_means_itself_and_what_is_in_it(wheels, asked, symbol: str, names: list[str]) -> None:
    code, found = asked(symbol, wheels[0], wheels[1])
    assert (code, found["acme-hello"]["names"]) == (1 if names else 0, names)
    assert (found["acme-other"]["names"], found["acme-other"]["problem"]) == ([], None)


def test_who_does_not_say_is_not_said_to_be_safe(wheels, asked, tmp_path: Path, capsys) -> None:
    code, found = asked("RateLimit", *wheels[1:])
    assert code == 4
    assert "does not say" in found["acme-silent"]["problem"]
    assert "cannot be read" in found["acme-lying"]["problem"]
    broken = tmp_path / "acme_broken-1.0-py3-none-any.whl"
    broken.write_bytes(b"PK")
    code, found = asked("RateLimit", broken, wheels[0])
    assert (code, bool(found["acme-broken"]["problem"])) == (1, True)
    assert main(["usage", "RateLimit", *map(str, wheels)]) == 1
    printed = capsys.readouterr().out
    assert "RateLimit is used by 1 of 4" in printed
    assert "acme-silent 1.2.0" in printed


def test_installed_plugins_are_asked_where_no_wheel_is_named(workshop, tmp_path, monkeypatch, asked, capsys) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(home))
    assert main(["usage", "RateLimit"]) == 3
    assert "no plugin is installed" in capsys.readouterr().err
    path, wheel = workshop.write(tmp_path, usage=USED)
    workshop.sign(path, wheel)
    Preparation(home, TrustFile.load(workshop.home / "trust.toml"), workshop.policy).install(path)
    code, found = asked("RateLimit")
    assert (code, found["acme-hello"]["place"], found["acme-hello"]["version"]) == (1, "installed", "1.2.0")
    (stored,) = (home / "store").glob("*/wheel/*.whl")
    stored.chmod(0o600)
    stored.write_bytes(b"exchanged")
    code, found = asked("RateLimit")
    assert code == 4
    assert "changed after verification" in found["acme-hello"]["problem"]


@pytest.mark.parametrize("symbol", ["", ".", "a..b", "a b", "RateLimit\n", "*", "x" * 5000 + "!"])
def test_what_is_no_name_is_said_to_be_none(symbol: str, wheels, capsys) -> None:
    assert main(["usage", symbol, str(wheels[0])]) == 2
    assert "is no name of the SDK" in capsys.readouterr().err


def test_a_file_that_is_not_there(capsys) -> None:
    assert main(["usage", "RateLimit", "none-1.0-py3-none-any.whl"]) == 2
    assert "no such file" in capsys.readouterr().err
