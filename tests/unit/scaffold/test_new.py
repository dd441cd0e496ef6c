"""What ``theodore-plugin new`` accepts, refuses, and leaves behind."""

from __future__ import annotations

import ast
import errno
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import copier
import pytest
from click.testing import CliRunner, Result

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.cli import main
from theodore_plugin.cli.new import command
from theodore_plugin.scaffold import NewProject, create_project
from theodore_sdk import PluginCategory

TRANSFORMER = PluginCategory.TRANSFORMER


def new(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def refusal(project: NewProject) -> str:
    with pytest.raises(ConfigurationProblem) as caught:
        create_project(project)
    assert caught.value.help
    return caught.value.message


def test_the_next_three_commands_are_printed(tmp_path: Path):
    result = new("acme-export", "--category", "exporter", "--output-dir", str(tmp_path))
    assert result.exit_code == 0, result.output
    steps = [line.strip() for line in result.output.splitlines()[1:]]
    assert steps == [f"cd {tmp_path / 'acme-export'}", "theodore-plugin check", "theodore-plugin package"]


def test_a_category_may_be_written_with_a_hyphen(tmp_path: Path):
    assert new("local-model", "-c", "ai-provider", "--output-dir", str(tmp_path)).exit_code == 0
    assert "AIProviderPlugin" in (tmp_path / "local-model/src/local_model/plugin.py").read_text()


def test_an_unknown_category_lists_the_ten(tmp_path: Path):
    result = new("acme", "-c", "scrapper", "--output-dir", str(tmp_path))
    assert result.exit_code == 2
    assert all(category.value in result.output for category in PluginCategory)
    assert "did you mean 'scraper'?" in result.output


def test_a_name_that_is_nearly_one_is_proposed(tmp_path: Path):
    result = new("Acme Reader!", "-c", "scraper", "--output-dir", str(tmp_path))
    assert isinstance(result.exception, ConfigurationProblem)
    assert "try acme-reader" in str(result.exception)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is not a plugin name"),
        ("ab", "is not a plugin name"),
        ("a" * 65, "is not a plugin name"),
        ("Acme", "is not a plugin name"),
        ("1acme", "is not a plugin name"),
        ("ac_me", "is not a plugin name"),
        ("../acme", "is not a plugin name"),
        ("acme/evil", "is not a plugin name"),
        ("acme\n", "is not a plugin name"),
        ("acmé", "is not a plugin name"),
        ("a{{7}}b", "is not a plugin name"),
        ("acme-", "is not a distribution name"),
        ("ac--me", "is not a distribution name"),
        ("theodore", "is reserved"),
        ("theodore-extras", "is reserved"),
        ("lambda", "is a Python keyword"),
        ("json", "hides a module of that name"),
        ("tests", "hides a module of that name"),
    ],
)
def test_a_name_that_cannot_be_a_plugin_s_is_refused(tmp_path: Path, name: str, reason: str):
    assert reason in refusal(NewProject(name, TRANSFORMER, tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_plugin_cannot_take_the_name_of_its_own_dependency(tmp_path: Path):
    assert "this plugin depends on" in refusal(NewProject("httpx", PluginCategory.SCRAPER, tmp_path))


def test_a_class_never_takes_the_name_of_its_base(tmp_path: Path):
    project = create_project(NewProject("scraper", PluginCategory.SCRAPER, tmp_path))
    assert "class CustomScraperPlugin(ScraperPlugin):" in (project / "src/scraper/plugin.py").read_text()


def test_everything_wrong_is_reported_at_once(tmp_path: Path):
    project = NewProject(
        "theodore-x-",
        TRANSFORMER,
        tmp_path,
        author="a\nb",
        email="nobody",
        homepage="http://x",
        description="d" * 201,
        interface="WebScraper",
        host="example.com",
    )
    message = refusal(project)
    for part in (
        "is not a distribution name",
        "is reserved",
        r"--author holds characters that cannot be printed: 'a\nb'",
        "--email 'nobody' is not an address",
        "does not start with https://",
        "--description is longer than 200 characters",
        "a transformer plugin implements TransformerPlugin",
        "--host means nothing for a transformer plugin",
    ):
        assert part in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "host", ["*", "http://example.com", "exa mple.com", "-example.com", "example.com:443", '"', ""]
)
def test_a_host_that_is_none_is_refused(tmp_path: Path, host: str):
    assert "is not a host name" in refusal(NewProject("acme", PluginCategory.SCRAPER, tmp_path, host=host))


@pytest.mark.parametrize("category", [PluginCategory.SCRAPER, PluginCategory.WEBHOOK])
def test_the_host_becomes_the_one_network_permission(tmp_path: Path, category: PluginCategory):
    project = create_project(NewProject("acme", category, tmp_path, host="api.example.com"))
    source = (project / "src/acme/plugin.py").read_text()
    assert 'pattern="api.example.com:443"' in source
    assert "localhost" not in source
    assert "`network api.example.com:443`" in (project / "README.md").read_text()


HOSTILE = [
    'Zoë "Quotes" O\'Brien \\ Söhne',
    '""" + __import__("os").abort() + """',
    "{{ 7 * 7 }} {% raw %} {# note #}",
    "# ] = [tool.evil]",
    "${{ github.token }}",
    "ends with a backslash \\",
    'ends with a quote "',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_arrives_verbatim_and_as_text(tmp_path: Path, text: str):
    project = create_project(NewProject("acme", TRANSFORMER, tmp_path, author=text, description=text))
    module = ast.parse((project / "src/acme/plugin.py").read_text())
    (call,) = (
        node for node in ast.walk(module) if isinstance(node, ast.Call) and ast.unparse(node.func) == "PluginInfo"
    )
    info = {keyword.arg: keyword.value for keyword in call.keywords}
    (plugin_class,) = (node for node in module.body if isinstance(node, ast.ClassDef))
    table = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    assert ast.literal_eval(info["author"]) == table["authors"][0]["name"] == text
    assert ast.literal_eval(info["description"]) == table["description"] == text
    assert ast.get_docstring(plugin_class, clean=False) == text
    assert ast.get_docstring(ast.parse((project / "src/acme/__init__.py").read_text()), clean=False) == text
    assert f"Copyright (c) {text}\n" in (project / "LICENSE").read_text()
    assert text not in (project / ".github/workflows/check.yml").read_text()


def test_a_folder_that_holds_anything_is_never_touched(tmp_path: Path):
    taken = tmp_path / "acme"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    assert "already exists" in refusal(NewProject("acme", TRANSFORMER, tmp_path))
    assert [path.name for path in tmp_path.rglob("*")] == ["acme", "mine.txt"]


@pytest.mark.parametrize("kind", ["file", "dangling link", "link to an empty folder"])
def test_what_is_not_an_empty_folder_is_never_replaced(tmp_path: Path, kind: str):
    taken, empty = tmp_path / "out" / "acme", tmp_path / "empty"
    taken.parent.mkdir()
    empty.mkdir()
    if kind == "file":
        taken.write_text("mine")
    else:
        taken.symlink_to(empty if kind == "link to an empty folder" else tmp_path / "nowhere")
    assert "already exists" in refusal(NewProject("acme", TRANSFORMER, taken.parent))
    assert [path.name for path in taken.parent.iterdir()] == ["acme"]
    assert not list(empty.iterdir())


def test_an_empty_folder_is_filled(tmp_path: Path):
    (tmp_path / "acme").mkdir()
    assert (create_project(NewProject("acme", TRANSFORMER, tmp_path)) / "pyproject.toml").is_file()


@pytest.mark.parametrize("output_dir", ["missing", "file"])
def test_an_output_folder_that_is_none_is_refused(tmp_path: Path, output_dir: str):
    (tmp_path / "file").write_text("")
    assert "is not a folder" in refusal(NewProject("acme", TRANSFORMER, tmp_path / output_dir))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_refused(tmp_path: Path):
    tmp_path.chmod(0o555)
    try:
        assert "cannot create" in refusal(NewProject("acme", TRANSFORMER, tmp_path))
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system nobody can write to")
def test_a_folder_nobody_can_write_to_is_refused():
    assert "cannot create /proc/self/acme" in refusal(NewProject("acme", TRANSFORMER, Path("/proc/self")))


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
from theodore_plugin.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_write_that_fails_half_way_leaves_nothing_behind(tmp_path: Path):
    """The first files fit under the limit, a later one does not."""
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "new", "acme", "-c", "transformer", "--output-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        env={**unmeasured, "PYTHONDONTWRITEBYTECODE": "1"},  # coverage could not write its data under the limit
    )
    assert done.returncode == 2, done.stderr
    assert os.strerror(errno.EFBIG) in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    original = copier.run_copy

    def interrupted(*arguments: object, **options: object) -> None:
        original(*arguments, **options)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(copier, "run_copy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        create_project(NewProject("acme", TRANSFORMER, tmp_path))
    assert not list(tmp_path.iterdir())


def test_someone_who_takes_the_folder_meanwhile_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    original = copier.run_copy

    def overtaken(*arguments: object, **options: object) -> None:
        original(*arguments, **options)  # type: ignore[arg-type]
        (tmp_path / "acme").mkdir()
        (tmp_path / "acme" / "theirs.txt").write_text("theirs")

    monkeypatch.setattr(copier, "run_copy", overtaken)
    assert "cannot create" in refusal(NewProject("acme", TRANSFORMER, tmp_path))
    assert [path.name for path in tmp_path.rglob("*")] == ["acme", "theirs.txt"]


def test_neither_git_nor_the_user_s_copier_settings_are_asked(tmp_path: Path):
    programs, output_dir = tmp_path / "bin", tmp_path / "out"
    programs.mkdir()
    output_dir.mkdir()
    (programs / "git").write_text(f"#!/bin/sh\n: > {tmp_path / 'git-was-asked'}\nexit 1\n")
    (programs / "git").chmod(0o755)
    (tmp_path / "settings.yml").write_text("trust: [[[")
    done = subprocess.run(
        [sys.executable, "-m", "theodore_plugin", "new", "acme", "-c", "transformer", "--output-dir", output_dir],
        env={
            **os.environ,
            "COPIER_SETTINGS_PATH": str(tmp_path / "settings.yml"),
            "PATH": f"{programs}:/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "git-was-asked").exists()


def test_the_command_line_answers_a_taken_folder_with_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["new", "acme", "-c", "storage", "--output-dir", str(tmp_path)]
    assert main(arguments) == 0
    capsys.readouterr()
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert f"error: {tmp_path / 'acme'} already exists" in captured.err
    assert "help: choose another name" in captured.err
