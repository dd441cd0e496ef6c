"""A team's service by the command line: checked, served, signed with by a person of the team, believed by a host."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import signal
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from oidc_provider import Provider, providing
from team_service import ISSUER_KEYS, config_text, process_of_team

from theodore_loader.manifest import Manifest, to_json
from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.examples import example_files, plugin

Command = Callable[..., tuple[int, str, str]]
WHEEL = "demo-1.0.0-py3-none-any.whl"
UNDER = ("--policy", "development", "--advisories", "off")


def wheel() -> bytes:
    """A small plugin wheel that passes where nothing has to be locked."""
    sources = example_files(plugin())
    reading = analyse(PluginProject.from_files(sources), load_policy("development")).metadata
    assert reading.info is not None
    assert reading.plugin_class is not None
    info = "demo-1.0.0.dist-info"
    files = {
        "demo/__init__.py": b"",
        "demo/plugin.py": sources["demo/plugin.py"],
        f"{info}/theodore-plugin.json": to_json(Manifest(reading.info, reading.plugin_class)),
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0.0\nRequires-Dist: httpx>=0.27\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [f"{name},sha256={digest(data)},{len(data)}" for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def config(folder: Path, provider: Provider) -> Path:
    folder.mkdir(mode=0o700)
    path = folder / "service.toml"
    issuer = {"issuer": provider.url, **ISSUER_KEYS}
    path.write_text(config_text("http://127.0.0.1:8443", "127.0.0.1:8443", issuer, {}, {}))
    path.chmod(0o600)
    return path


def test_a_team_signs_by_its_service_and_a_host_believes_whom_it_was_told(
    tmp_path: Path, plugin_command: Command
) -> None:
    path = tmp_path / WHEEL
    path.write_bytes(wheel())
    with (
        providing(Provider()) as provider,
        process_of_team(tmp_path / "service", {"issuer": provider.url, **ISSUER_KEYS}) as service,
    ):
        code, _, err = plugin_command("sign", path, *UNDER, "--trust-config", service.url, "--identity-token", "x")
        assert code == 2
        assert "is not pinned" in err
        pinned = err.split("--trust-config ")[1].split()[0]
        token = provider.token()
        code, out, err = plugin_command("sign", path, *UNDER, "--trust-config", pinned, "--identity-token", token)
        assert code == 0, out + err
        assert "jo@acme.example" in out
        assert token not in out + err
        root = tmp_path / "root.json"
        with urllib.request.urlopen(f"{service.url}/trusted-root.json") as answer:
            root.write_bytes(answer.read())
        assert service.end(signal.SIGTERM) == 0
        assert (service.folder / "errors").read_text().splitlines()[-1].endswith(f"{pinned} WHEEL")
    events = [line["event"] for line in service.journal]
    assert (events[:3], events[-1]) == (["issuer", "started", "certificate"], "stopped")
    signer = ("--root", "team", "--issuer", provider.url, "--identity")
    assert plugin_command("trust", "add-root", "team", root)[0] == 0
    assert plugin_command("trust", "add-publisher", "--plugin", "demo", *signer, "eve@acme.example")[0] == 0
    assert plugin_command("verify", path, "--policy", "development")[0] == 5
    assert plugin_command("trust", "add-publisher", "--plugin", "demo", *signer, "jo@acme.example")[0] == 0
    verifier = ("--id", "mailto:jo@acme.example", *signer, "jo@acme.example", "--policy", "development")
    assert plugin_command("trust", "add-verifier", *verifier)[0] == 0
    code, out, err = plugin_command("verify", path, "--policy", "development")
    assert code == 0, out + err


def test_a_configuration_is_checked_without_a_start(tmp_path: Path, plugin_command: Command) -> None:
    with providing(Provider()) as provider:
        path = config(tmp_path / "service", provider)
        code, out, err = plugin_command("instance", "serve", "--config", path, "--check")
        assert (code, err) == (0, "")
        assert f"{provider.url}: 3 keys" in out
        provider.key_set = lambda: b"none"
        code, out, _ = plugin_command("instance", "serve", "--config", path, "--check")
        assert code == 1
        assert "not JSON" in out
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "schema = 1 is missing"),
        (b"schema = 1\n[service\n", "service.toml:2: not TOML"),
        (b"schema = 1\n[service]\nurl = 5\n", "service.toml:3: url is a text"),
        (b"\xff", "service.toml:1: not UTF-8"),
        (None, "No such file"),
    ],
    ids=["empty", "no-toml", "wrong", "bytes", "missing"],
)
@pytest.mark.parametrize("check", [(), ("--check",)], ids=["serve", "check"])
def test_a_configuration_that_is_wrong_ends_with_its_line(
    content: bytes | None, said: str, check: tuple[str, ...], tmp_path: Path, plugin_command: Command
) -> None:
    path = tmp_path / "service.toml"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    code, out, err = plugin_command("instance", "serve", "--config", path, *check)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert said in err
    assert "\nhelp: " in err
    assert "Traceback" not in err


def test_an_address_in_use_ends_the_start(tmp_path: Path, plugin_command: Command) -> None:
    import socket

    with providing(Provider()) as provider, socket.create_server(("127.0.0.1", 0)) as taken:
        path = config(tmp_path / "service", provider)
        path.write_text(path.read_text().replace("8443", str(taken.getsockname()[1])))
        code, _, err = plugin_command("instance", "serve", "--config", path)
    assert code == 2
    assert "Address already in use" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--instance", "private"), "needs a description"),
        (("--instance", "local", "--trust-config", "x"), "is described already"),
        (("--trust-config", "x", "--tuf-url", "https://tuf.example"), "both describe"),
        (("--tuf-root", "x"), "belongs to --tuf-url"),
        (("--tuf-url", "http://tuf.example"), "not an https URL"),
        (("--trust-config", "http://sign.example"), "not https://HOST"),
        (("--trust-config", "absent.json"), "No such file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_options_that_name_no_instance_are_refused_before_anything_is_checked(
    options: tuple[str, ...], said: str, tmp_path: Path, plugin_command: Command
) -> None:
    path = tmp_path / WHEEL
    path.write_bytes(wheel())
    code, out, err = plugin_command("sign", path, *options)
    assert (code, out) == (2, "")
    assert said in err
    assert "\nhelp: " in err
    assert json.dumps(sorted(one.name for one in tmp_path.iterdir() if one.name != "home")) == json.dumps([WHEEL])
