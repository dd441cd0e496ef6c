"""``install`` and ``run`` as a person uses them: what is printed, where, and the exit code."""

from __future__ import annotations

import json

import pytest

from theodore_loader.sandbox.tier import available
from theodore_plugin.cli import main


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """A state folder of this test's own, and the tier this machine offers."""
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path / "state"))
    return ["--minimum-tier", available().tier.name.lower()]


@pytest.fixture
def installed(build, trusting, at_home, capsys):
    wheel = build()
    trust = ["--trust", str(trusting(wheel).path)]
    assert main(["install", str(wheel.path), *trust]) == 0
    assert "installed demo-plugin 1.0.0" in capsys.readouterr().out
    return [*trust, *at_home]


def test_run_prints_the_result_as_json_and_the_rest_on_stderr(installed, capsys):
    request = json.dumps({"request": {"url": "https://example.com"}})
    arguments = ["run", "demo-plugin", "scrape_content", "--json", request, "--config", '{"greeting": "hi"}']
    assert main([*arguments, *installed]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["content"] == "hi 30.0"
    assert "stdout: scraping https://example.com" in printed.err
    assert f"sandbox: tier {available().tier.name.lower()}" in printed.err
    assert "timing: load" in printed.err


def test_quiet_prints_the_result_only(installed, capsys):
    assert main(["run", "demo-plugin", "health_check", "--quiet", *installed]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["message"] == "fine"
    assert printed.err == ""


def test_a_configuration_may_be_a_file(installed, capsys, tmp_path):
    (tmp_path / "config.json").write_text('{"greeting": "from a file"}')
    request = json.dumps({"request": {"url": "u"}})
    arguments = ["run", "demo-plugin", "scrape_content", "--json", request]
    assert main([*arguments, "--config", str(tmp_path / "config.json"), *installed]) == 0
    assert "from a file" in capsys.readouterr().out


def test_a_denied_act_names_permission_resource_and_line(installed, capsys):
    request = json.dumps({"request": {"url": "peek"}})
    assert main(["run", "demo-plugin", "scrape_content", "--json", request, *installed]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "filesystem:read denied: /etc/passwd at demo_plugin/plugin.py:" in printed.err
    assert "denied  filesystem:read /etc/passwd" in printed.err
    assert "help: " in printed.err


def test_a_crash_is_one_message(installed, capsys):
    request = json.dumps({"request": {"url": "crash"}})
    assert main(["run", "demo-plugin", "scrape_content", "--json", request, *installed]) == 1
    printed = capsys.readouterr()
    assert "ended with status 3" in printed.err
    assert "Traceback" not in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo-plugin", "no_such_method"], "it has validate_configuration, health_check, cleanup, scrape_content"),
        (["demo-plugin", "get_plugin_info"], "has no method"),
        (["demo-plugin", "scrape_content"], "missing a required argument: 'request'"),
        (["demo-plugin", "scrape_content", "--json", "{"], "--json is not JSON"),
        (["demo-plugin", "scrape_content", "--json", "[1]"], "--json is not a JSON object"),
        (["demo-plugin", "scrape_content", "--json", "[" * 100_000], "--json is not JSON"),
        (["demo-plugin", "scrape_content", "--json", '{"request": {"url": 5}}'], "request: Expected `str`, got `int`"),
        (["demo-plugin", "health_check", "--config", "/no/such/file"], "/no/such/file"),
        (["demo-plugin", "health_check", "--config", '{"greeting": 5}'], "greeting"),
        (["other-plugin", "health_check"], "no plugin named 'other-plugin' is installed (installed: demo-plugin)"),
        (["/no/such/x-1.0-py3-none-any.whl", "health_check"], "no such file"),
        (["demo-plugin", "health_check", "--policy", "nothing"], "nothing"),
        (["demo-plugin", "health_check", "--trust", "/no/such/trust.toml"], "no such trust file"),
    ],
)
def test_wrong_usage_is_one_message_and_exit_2(installed, capsys, arguments, message):
    assert main(["run", *arguments[:2], *installed, *arguments[2:]]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


def test_a_configuration_file_that_is_not_text_is_wrong_usage(installed, capsys, tmp_path):
    (tmp_path / "config").write_bytes(b"\xff\xfe")
    assert main(["run", "demo-plugin", "health_check", "--config", str(tmp_path / "config"), *installed]) == 2
    assert "is not UTF-8" in capsys.readouterr().err


def test_what_nobody_vouches_for_is_refused_with_5(build, trusting, at_home, capsys):
    trust = ["--trust", str(trusting(build("other-plugin")).path)]
    wheel = build()
    assert main(["install", str(wheel.path), *trust]) == 5
    assert main(["run", str(wheel.path), "health_check", *trust, *at_home]) == 5
    assert "error[" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"not a wheel", b"PK\x03\x04" + bytes(100)])
def test_a_file_that_is_no_wheel_is_refused_and_nothing_is_kept(trusting, at_home, capsys, tmp_path, content):
    path = tmp_path / "broken_plugin-1.0-py3-none-any.whl"
    path.write_bytes(content)
    assert main(["install", str(path), "--trust", str(trusting().path)]) == 5
    assert not (tmp_path / "state" / "installed.json").exists()


@pytest.mark.parametrize("path", ["missing.whl", "."])
def test_a_path_that_is_no_file_is_wrong_usage(at_home, capsys, path):
    assert main(["install", path]) == 2
    assert "help: " in capsys.readouterr().err
