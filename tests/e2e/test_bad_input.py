"""Every command, given something wrong: one message, a way out, the documented exit code, nothing left behind."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import resource
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest

from theodore_loader.host import PluginHost
from theodore_loader.manifest import Manifest, to_json
from theodore_loader.policy import load_policy
from theodore_loader.trust.trust_file import TrustFile
from theodore_plugin.analysis import analyse
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.examples import example_files, plugin

Command = Callable[..., tuple[int, str, str]]
WHEEL = "demo-1.0.0-py3-none-any.whl"
USAGE, NOTHING, REFUSED, INCOMPLETE = 2, 3, 5, 4


@cache
def wheel() -> bytes:
    """A small, well-formed plugin wheel; nobody has signed it."""
    sources = example_files(plugin())
    reading = analyse(PluginProject.from_files(sources), load_policy("default")).metadata
    assert reading.info is not None
    assert reading.plugin_class is not None
    files = {
        "demo/__init__.py": b"",
        "demo/plugin.py": sources["demo/plugin.py"],
        "demo-1.0.0.dist-info/theodore-plugin.json": to_json(Manifest(reading.info, reading.plugin_class)),
        "demo-1.0.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0.0\n",
        "demo-1.0.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [f"{name},sha256={_hash(data)},{len(data)}" for name, data in files.items()]
    files["demo-1.0.0.dist-info/RECORD"] = "\n".join([*lines, "demo-1.0.0.dist-info/RECORD,,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


@pytest.fixture
def inputs(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of things that are no plugin, as the current one."""
    folder = tmp_path / "inputs"
    (folder / "empty").mkdir(parents=True)
    (folder / f"folder/{WHEEL}").mkdir(parents=True)
    (folder / "text").mkdir()
    (folder / "text" / WHEEL).write_text("no wheel")
    (folder / "cut").mkdir()
    (folder / "cut" / WHEEL).write_bytes(wheel()[:200])
    (folder / "other-2.0-py3-none-any.whl").write_bytes(wheel())
    (folder / "renamed.whl").write_bytes(wheel())
    (folder / WHEEL).write_bytes(wheel())
    (folder / "pipe").mkdir()
    os.mkfifo(folder / "pipe" / WHEEL)
    monkeypatch.chdir(folder)
    return folder


def one_message(code: int, out: str, err: str) -> None:
    """Hold what every failure must look like."""
    assert "Traceback" not in out + err
    assert "bug in theodore-plugin" not in err
    assert err.startswith("error")
    assert "\nhelp: " in err
    assert code != 0


READERS = {
    "check": (),
    "permissions": (),
    "package": (),
    "sign": (),
    "attest": (),
    "inspect": (),
    "verify": (),
    "diff": (),
    "install": (),
    "run": ("health_check",),
}
SOURCES = ("check", "permissions", "package", "diff")
"""Commands that take a folder, too."""
PATHS: Mapping[str, tuple[str, int, int]] = {
    "missing": ("nowhere.whl", USAGE, USAGE),
    "empty-folder": ("empty", NOTHING, USAGE),
    "folder-named-like-a-wheel": (f"folder/{WHEEL}", NOTHING, USAGE),
    "pipe": (f"pipe/{WHEEL}", USAGE, USAGE),
    "no-wheel": (f"text/{WHEEL}", REFUSED, REFUSED),
    "truncated": (f"cut/{WHEEL}", REFUSED, REFUSED),
    "renamed": ("renamed.whl", REFUSED, REFUSED),
    "another's-name": ("other-2.0-py3-none-any.whl", REFUSED, REFUSED),
    "escapes": ("\x1b[31mred.whl", USAGE, USAGE),
}


DAMAGED = {"no-wheel", "truncated", "renamed", "another's-name"}
"""A check reports what is wrong with these, and a wheel of any kind is not packaged again."""


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("case", PATHS)
def test_a_path_that_leads_to_no_plugin(inputs: Path, plugin_command: Command, command: str, case: str) -> None:
    path, of_source, of_wheel = PATHS[case]
    before = sorted(inputs.rglob("*"))
    code, out, err = plugin_command(command, path, *READERS[command])
    if case in DAMAGED and command == "check":
        assert (code, "\nfail: " in out, "Traceback" in out + err) == (1, True, False)
        return
    one_message(code, out, err)
    if case in DAMAGED and command == "package":
        of_source = USAGE
    assert code == (of_source if command in SOURCES else of_wheel)
    assert "\x1b" not in out + err
    assert sorted(inputs.rglob("*")) == before


POLICIES: Mapping[str, bytes | None] = {
    "typo": b"schema: 1\nname: x\nextend: default\n",
    "duplicate": b"schema: 1\nschema: 1\n",
    "bytes": b"\xff\0",
    "empty": b"",
    "unclosed": b"a: [\n",
    "folder": None,
}
POLICY_USERS: Mapping[str, tuple[str, ...]] = {
    "check": ("project",),
    "package": ("project",),
    "sign": (WHEEL,),
    "verify": (WHEEL,),
    "diff": (WHEEL,),
    "install": (WHEEL,),
    "run": (WHEEL, "health_check"),
    "trust init": (),
    "trust add-verifier": ("--id", "v", "--root", "local", "--issuer", "i", "--identity", "me"),
}


@pytest.mark.parametrize("command", [*POLICY_USERS, "policy show", "policy check"])
@pytest.mark.parametrize("case", POLICIES)
def test_a_policy_with_a_mistake(inputs: Path, plugin_command: Command, command: str, case: str) -> None:
    content = POLICIES[case]
    policy = inputs / "mine.yaml"
    policy.mkdir() if content is None else policy.write_bytes(content)
    write(inputs / "project")
    option = () if command.startswith("policy") else ("--policy",)
    before = (inputs / WHEEL).read_bytes()
    code, out, err = plugin_command(*command.split(), *POLICY_USERS.get(command, ()), *option, "mine.yaml")
    one_message(code, out, err)
    assert code == USAGE
    assert "mine.yaml" in err
    assert content is None or "mine.yaml:" in err
    assert (inputs / WHEEL).read_bytes() == before
    assert not (inputs / "project" / "dist").exists()


def write(folder: Path, **files: bytes) -> Path:
    """Write a flawless plugin project, changed by ``files``."""
    for name, content in {**example_files(plugin()), **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


PYPROJECTS: Mapping[str, tuple[bytes, str]] = {
    "broken": (b"[project\nname=1", "line 1"),
    "not-utf8": (b"[project]\n\xff", "pyproject.toml:2"),
    "project-is-a-number": (b"project = 3\n", "pyproject.toml:1: project is not a table"),
    "name": (b"[project]\nname = 3\n", "pyproject.toml:2: project.name is not a string"),
    "build requirements": (
        b'[build-system]\nrequires = "hatchling"\n',
        "pyproject.toml:2: build-system.requires is not",
    ),
    "dependencies": (b'[project]\n\ndependencies = "httpx"\n', "pyproject.toml:3: project.dependencies is not a list"),
    "extras": (b"[project.optional-dependencies]\nx = 3\n", "pyproject.toml:2: project.optional-dependencies.x is not"),
    "build": (b"build-system = [1]\n", "pyproject.toml:1: build-system is not a table"),
    "ours": (b"[tool]\ntheodore-plugin = 3\n", "[tool.theodore-plugin] is not a table"),
}


@pytest.mark.parametrize("command", ["check", "lock", "package", "permissions"])
@pytest.mark.parametrize("case", PYPROJECTS)
def test_a_pyproject_that_is_wrong(tmp_path: Path, plugin_command: Command, command: str, case: str) -> None:
    content, message = PYPROJECTS[case]
    project = write(tmp_path / "spaces and é", **{"pyproject.toml": content})
    code, out, err = plugin_command(command, project)
    if case == "ours" and command == "permissions":
        assert code == 0  # it takes no settings
        return
    one_message(code, out, err)
    assert code == USAGE
    assert message in err
    assert not (project / "dist").exists()


SOURCE_DEFECTS: Mapping[str, tuple[str, bytes, int, str]] = {
    "no-plugin-class": ("demo/plugin.py", b"x = 1\n", 1, "manifest-missing"),
    "two-plugin-classes": ("demo/second.py", example_files(plugin())["demo/plugin.py"], 1, "manifest-ambiguous"),
    "not-utf8": ("demo/example.py", b"# \xe9\xff\n", INCOMPLETE, "demo/example.py"),
    "null-byte": ("demo/example.py", b"x = 1\0\n", INCOMPLETE, "demo/example.py"),
}


@pytest.mark.parametrize("case", SOURCE_DEFECTS)
def test_source_that_is_no_plugin_or_cannot_be_read(tmp_path: Path, plugin_command: Command, case: str) -> None:
    name, content, expected, named = SOURCE_DEFECTS[case]
    project = write(tmp_path / "project", **{name: content})
    code, out, err = plugin_command("check", project, "--output-format", "concise", "--policy", "development")
    assert code == expected
    assert named in out
    assert err == ""
    assert str(tmp_path) not in out
    assert "theodore-check-" not in out


def test_package_refuses_what_check_does_not_pass_and_writes_nothing(tmp_path: Path, plugin_command: Command) -> None:
    project = write(tmp_path / "project", **{"demo/plugin.py": b"x = 1\n"})
    code, out, err = plugin_command("package", project, "--policy", "development")
    assert code == (1 if "not packaged" in err else 2)  # without an index nothing can be locked
    assert err.startswith("error")
    assert "\nhelp: " in err
    assert not (project / "dist").exists()
    assert "Traceback" not in out


@pytest.mark.parametrize("name", [".hidden/z.py", "not-an-identifier.py", "1.py"])
def test_code_no_import_reaches_is_looked_at_all_the_same(name: str) -> None:
    files = {**example_files(plugin()), f"demo/{name}": b"import os\n\nos.system('id')\neval(input())\n"}
    found = analyse(PluginProject.from_files(files), load_policy("default"))
    rules = {finding.rule for finding in found.findings if finding.location.path == f"demo/{name}"}
    assert {"undeclared-permission", "unanalyzable-capability"} <= rules


def test_one_native_library_is_one_notice_a_function() -> None:
    code = (
        "import ctypes\n\nlib = ctypes.CDLL('libc.so.6')\n\n\n"
        "def one():\n    lib.a(1)\n    lib.b(2)\n    return lib.c(3)\n\n\n"
        "def two():\n    own = ctypes.CDLL('x')\n    own.a()\n    own.b()\n    eval('1')\n    eval('2')\n"
    )
    found = analyse(PluginProject.from_files(example_files(code)), load_policy("default"))
    lines = [item.location.line for item in found.inference.unknown]
    assert lines == [3, 7, 13, 16, 17]


ARGUMENTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "new-name": (("new", "Bad Name", "--category", "scraper"), "Bad Name"),
    "new-traversal": (("new", "../up", "--category", "scraper"), "../up"),
    "new-escape": (("new", "a\x1b[31m", "--category", "scraper"), "plugin name"),
    "new-category": (("new", "acme", "--category", "nope"), "nope"),
    "new-no-folder": (("new", "acme", "--category", "scraper", "--output-dir", "nowhere"), "nowhere"),
    "new-onto-file": (("new", "acme", "--category", "scraper", "--output-dir", "renamed.whl"), "renamed.whl"),
    "explain-unknown": (("explain", "undeclared-permision"), "did you mean 'undeclared-permission'"),
    "explain-foreign": (("explain", "frobnicator"), "no rule 'frobnicator'"),
    "command": (("chekc",), "did you mean 'check'"),
    "subcommand": (("trust", "nope"), "nope"),
    "option": (("verify", "--nope", WHEEL), "--nope"),
    "advisories": (("check", "empty", "--advisories", "nope"), ""),
    "run-json": (("run", "x", "y", "--json", "{"), "--json is not JSON"),
    "run-json-list": (("run", "x", "y", "--json", "[]"), "--json is not a JSON object"),
    "run-json-deep": (("run", "x", "y", "--json", "[" * 50_000), "nested too deeply"),
    "run-json-surrogate": (("run", "x", "y", "--json", '{"a": "\\ud800"}'), "stands for no character"),
    "run-config-missing": (("run", "x", "y", "--config", "nowhere"), "neither JSON nor a readable file"),
    "run-config-folder": (("run", "x", "y", "--config", "empty"), "neither JSON nor a readable file"),
    "run-config-bytes": (("run", "x", "y", "--config", WHEEL), ""),
    "run-unknown": (("run", "../../etc/passwd", "y"), "installed: none"),
    "trust-missing": (("verify", WHEEL, "--trust", "nowhere"), "nowhere: no such trust file"),
    "trust-folder": (("verify", WHEEL, "--trust", "empty"), "empty"),
    "trust-not-toml": (("verify", WHEEL, "--trust", "renamed.whl"), "renamed.whl"),
    "trust-show": (("trust", "show"), "there is no trust file"),
    "trust-export": (("trust", "export", "out"), "no signing instance"),
    "trust-root": (("trust", "add-root", "x", "nowhere"), "nowhere"),
    "trust-root-damaged": (("trust", "add-root", "x", "renamed.whl"), "no sigstore trusted root"),
    "trust-publisher": (
        ("trust", "add-publisher", "--plugin", "x", "--root", "nope", "--issuer", "i", "--identity", "me"),
        "what was to be added is not acceptable",
    ),
    "trust-import": (("trust", "import", WHEEL, "--plugin", "x"), "not what another machine exported"),
    "trust-import-folder": (("trust", "import", "empty", "--plugin", "x"), "No such file"),
    "trust-import-verifier": (("trust", "import", WHEEL, "--plugin", "x", "--verifier"), "belong together"),
    "trust-rotate": (("trust", "rotate"), "no signing instance"),
    "trust-log": (("trust", "log"), "no signing instance"),
    "trust-remove": (("trust", "remove-root", "x"), "nobody is believed"),
    "sign-config": (("sign", WHEEL, "--trust-config", "nowhere"), "nowhere"),
    "why-nobody": (("why",), "name a plugin"),
    "why-digest": (("why", "x", "--digest", "../../etc"), "no SHA-256 or beginning of one"),
    "why-anchor": (("why", "--verify-chain", "--anchor", "1:\x1b[31m"), "is no anchor"),
    "find-links": (("install", WHEEL, "--find-links", "nowhere"), "nowhere"),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments_that_cannot_be_used(inputs: Path, home: Path, plugin_command: Command, case: str) -> None:
    arguments, message = ARGUMENTS[case]
    before = sorted(inputs.rglob("*"))
    code, out, err = plugin_command(*arguments)
    if case == "advisories":
        assert code in {USAGE, NOTHING}
    else:
        assert code == USAGE
    one_message(code, out, err)
    assert message in err
    assert "\x1b" not in err
    assert sorted(inputs.rglob("*")) == before
    assert not (home / "trust.toml").exists()


@pytest.mark.parametrize("group", [(), ("trust",), ("policy",)])
def test_a_command_without_arguments_shows_its_help(plugin_command: Command, group: tuple[str, ...]) -> None:
    code, out, err = plugin_command(*group)
    assert (code, out) == (USAGE, "")
    assert err.startswith("Usage: ")


STATE: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "trust": ("trust.toml", "schema = 1\n[[root", ("verify", WHEEL)),
    "trust-at-install": ("trust.toml", "nonsense", ("install", WHEEL)),
    "trust-at-run": ("trust.toml", "schema = 9\n", ("run", "demo", "health_check")),
    "trust-at-init": ("trust.toml", "schema = 1\n[[publisher]]\n", ("trust", "init")),
    "trust-at-show": ("trust.toml", "schema = 1\nschema = 1\n", ("trust", "show")),
    "installed": ("installed.json", "{", ("run", "demo", "health_check")),
    "installed-list": ("installed.json", "[]", ("run", "demo", "health_check")),
    "installed-later": ("installed.json", '{"schema": 2, "plugins": {}}', ("run", "demo", "health_check")),
    "installed-nulls": (
        "installed.json",
        '{"schema": 1, "plugins": {"demo": {"version": null, "sha256": null, "filename": null, "installed": null}}}',
        ("run", "demo", "health_check"),
    ),
    "installed-traversal": (
        "installed.json",
        '{"schema": 1, "plugins": {"demo": {"version": "1", "sha256": "../../x", "filename": "x", "installed": "x"}}}',
        ("run", "demo", "health_check"),
    ),
}


@pytest.mark.parametrize("case", STATE)
def test_damaged_state_is_named_and_kept(inputs: Path, home: Path, plugin_command: Command, case: str) -> None:
    name, content, arguments = STATE[case]
    (home / name).write_text(content)
    (home / name).chmod(0o600)
    code, out, err = plugin_command(*arguments)
    one_message(code, out, err)
    assert code == USAGE
    assert str(home / name) in err
    assert (home / name).read_text() == content


@pytest.mark.parametrize(
    "name", ["root.pem", "intermediate.key", "log.key", "ct.key", "instance.json", "trusted_root.json"]
)
@pytest.mark.parametrize("damage", ["damaged", "gone"])
def test_a_damaged_signing_instance_is_never_enrolled(
    home: Path, plugin_command: Command, name: str, damage: str
) -> None:
    assert plugin_command("trust", "init")[0] == 0
    (home / "trust.toml").unlink()
    file = home / "instances" / "default" / name
    file.chmod(0o600)
    file.write_text("damaged") if damage == "damaged" else file.unlink()
    code, out, err = plugin_command("trust", "init")
    one_message(code, out, err)
    assert code == USAGE
    assert str(file.parent) in err
    assert not (home / "trust.toml").exists()


def test_a_host_with_a_home_of_its_own_believes_that_home_and_nobody_else(tmp_path: Path, home: Path) -> None:
    path = tmp_path / WHEEL
    path.write_bytes(wheel())
    (home / "trust.toml").write_text("not even TOML")
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    (other / "trust.toml").write_text("schema = 1\n[[root\n")
    (other / "trust.toml").chmod(0o600)
    with pytest.raises(Exception, match=str(other)):
        asyncio.run(PluginHost(home=other).install(path))
    (other / "trust.toml").unlink()
    assert not TrustFile.of_home(other).found


SMALL = 1000
"""Bytes a file may have: what a full disk looks like to whoever writes."""


@pytest.mark.parametrize("arguments", [("new", "acme-one", "--category", "scraper"), ("trust", "init")], ids=str)
def test_a_disk_that_is_full_leaves_nothing_half_written(
    tmp_path: Path, home: Path, arguments: tuple[str, ...]
) -> None:
    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL))

    work = tmp_path / "work"
    work.mkdir()
    ended = _start(arguments, work, limited)
    _, err = ended.communicate(timeout=60)
    assert ended.returncode == USAGE, err
    assert err.startswith("error: ")
    assert "\nhelp: " in err
    assert list(work.iterdir()) == []
    assert not (home / "trust.toml").exists()
    assert not list(home.glob("instances/*/"))


INTERRUPT = (
    "import signal; signal.signal(signal.SIGALRM, signal.default_int_handler); signal.setitimer(signal.ITIMER_REAL, {})"
)
"""Ctrl-C so many seconds from now: a clock of the process itself, so that a slow start does not matter."""


@pytest.mark.parametrize("delay", [0.01, 0.2, 0.6])
def test_ctrl_c_ends_with_130_and_leaves_nothing_half_written(tmp_path: Path, home: Path, delay: float) -> None:
    write(tmp_path / "project")
    ended = _start(("package", "project", "--policy", "development"), tmp_path, None, before=INTERRUPT.format(delay))
    _, err = ended.communicate(timeout=60)
    assert (ended.returncode, err) == (130, "interrupted\n")
    assert not (tmp_path / "project" / "dist").exists()


def test_ctrl_c_while_the_program_is_still_being_imported_ends_like_any_other(tmp_path: Path, home: Path) -> None:
    early = "sys.addaudithook(lambda event, args: os.kill(os.getpid(), 2) if args[:1] == ('click',) else None)"
    ended = _start(("explain",), tmp_path, None, before=f"import os; {early}")
    _, err = ended.communicate(timeout=60)
    assert (ended.returncode, err) == (130, "interrupted\n")


def test_a_reader_that_goes_away_ends_the_command_quietly(tmp_path: Path, home: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = _start(("explain",), tmp_path, None, stdout=writer)
    os.close(writer)
    _, err = ended.communicate(timeout=60)
    assert (ended.returncode, err) == (141, "")


@pytest.mark.parametrize("stream", [1, 2])
def test_a_closed_stream_is_no_reason_to_fail(tmp_path: Path, home: Path, stream: int) -> None:
    ended = _start(("policy", "show"), tmp_path, lambda: os.close(stream))
    out, err = ended.communicate(timeout=60)
    assert (ended.returncode, err) == (0, "")
    assert ("default" in out) is (stream == 2)


def _start(
    arguments: tuple[str, ...],
    folder: Path,
    prepare: Callable[[], None] | None,
    *,
    stdout: int = subprocess.PIPE,
    before: str = "",
) -> subprocess.Popen[str]:
    code = f"import sys; from theodore_plugin.cli import main\n{before}\nsys.exit(main(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=prepare,
        start_new_session=True,
    )
