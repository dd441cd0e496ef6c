"""``--output-format`` and ``--output``: every form, several at once, whole or not at all."""

import json
import os
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree as ET

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.cli import main
from theodore_plugin.cli.reporting import refuse_outputs, write_outputs
from theodore_plugin.report.formats import FORMATS

EVAL = "\n\ndef f(x: str) -> object:\n    return eval(x)\n"


@pytest.fixture
def failing(project_folder, plugin_file):
    plugin_file.write_text(plugin_file.read_text() + EVAL)
    return project_folder


def refused(capsys, *arguments):
    assert main(["check", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def test_every_form_at_once_and_one_of_them_printed(failing, tmp_path, capsys):
    files = {form: tmp_path / f"report.{form}" for form in FORMATS}
    asked = [argument for form, file in files.items() for argument in ("--output", f"{form}={file}")]
    assert main(["check", str(failing), "--output-format", "gitlab", *asked]) == 1
    printed = capsys.readouterr().out
    assert json.loads(printed) == json.loads(files["gitlab"].read_text())
    assert json.loads(files["json"].read_text())["verdict"] == "fail"
    assert json.loads(files["sarif"].read_text())["version"] == "2.1.0"
    assert int(ET.fromstring(files["junit"].read_text()).get("failures")) >= 1
    assert files["markdown"].read_text().startswith("## ❌ fail: page-notes")
    assert files["html"].read_text().lower().startswith("<!doctype html>")
    for form in ("full", "concise"):
        assert "dynamic-code-execution" in files[form].read_text()
        assert "\x1b" not in files[form].read_text()


def test_paths_are_named_from_where_the_command_was_started(failing, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for variable in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    main(["check", "page-notes", "--output-format", "github"])
    assert "file=page-notes/src/page_notes/plugin.py," in capsys.readouterr().out


def test_machine_forms_are_alone_on_standard_output(project_folder, capsys):
    for form in ("json", "sarif", "gitlab"):
        assert main(["check", str(project_folder), "--output-format", form]) == 0
        captured = capsys.readouterr()
        json.loads(captured.out)
        assert captured.err == ""


def test_several_projects_are_one_document(project_folder, failing, tmp_path, capsys):
    import shutil

    other = shutil.copytree(project_folder, tmp_path / "other")
    assert main(["check", str(failing), str(other), "--output-format", "json"]) == 1
    values = json.loads(capsys.readouterr().out)
    assert values["verdict"] == "fail"
    assert len(values["reports"]) == 2


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("sarff=x", "did you mean 'sarif'?"),
        ("sarif", "sarif=check.sarif"),
        ("sarif=", "sarif=check.sarif"),
        ("=x", "no format is called ''"),
        ("", "FORMAT=FILE"),
    ],
)
def test_what_is_no_form_and_file_is_told_so(value, said, project_folder, capsys):
    assert said in refused(capsys, project_folder, "--output", value)


def test_a_misspelt_format_is_told_its_neighbour(project_folder, capsys):
    error = refused(capsys, project_folder, "--output-format", "junti")
    assert "did you mean 'junit'?" in error
    assert "markdown" in error


def test_everything_that_could_not_be_written_is_said_at_once_and_before_the_check(project_folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    asked = [
        "json=-",
        f"sarif={tmp_path}",
        f"html={tmp_path}/missing/report.html",
        f"junit={tmp_path}/file/report.xml",
        f"github={tmp_path}/pipe",
        f"full={tmp_path}/one",
        f"concise={tmp_path}/../{tmp_path.name}/one",
        f"markdown={project_folder}/pyproject.toml",
    ]
    error = refused(capsys, project_folder, *(word for value in asked for word in ("--output", value)))
    for said in (
        "standard output is no file",
        "it is a folder",
        "there is no folder",
        "is no folder",
        "it is not an ordinary file",
        "another --output names this file",
        "named like a source file",
        "--output-format FORMAT",
        "mkdir -p",
    ):
        assert said in error
    assert (project_folder / "pyproject.toml").read_text().startswith("[")
    assert not (tmp_path / "one").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_before_the_check(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ConfigurationProblem, match="cannot be written to"):
            refuse_outputs([("json", tmp_path / "report.json")])
    finally:
        tmp_path.chmod(0o700)


def test_a_link_keeps_pointing_where_it_did(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_outputs([], [("json", tmp_path / "link")])
    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "real").read_text())["reports"] == []


def test_a_full_disk_leaves_the_old_report_and_the_other_one_is_written(tmp_path):
    """A limit on file sizes meets a write as a full disk does."""
    code = (
        "import resource, signal, sys; from pathlib import Path;"
        "from theodore_plugin.cli.reporting import write_outputs;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "folder = Path(sys.argv[1]);"
        "write_outputs([], [('html', folder / 'big'), ('gitlab', folder / 'small')])"
    )
    (tmp_path / "big").write_text("old")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert "OSError" in done.stderr
    assert (tmp_path / "big").read_text() == "old"
    assert (tmp_path / "small").read_text() == "[]\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big", "small"]


WRITE_FOR_EVER = (
    "import sys; from pathlib import Path; from theodore_plugin.cli.reporting import write_outputs\n"
    "while True: write_outputs([], [('sarif', Path(sys.argv[1]))]); print(flush=True)"
)


def test_killed_at_any_moment_there_is_a_whole_report_or_none(tmp_path):
    file = tmp_path / "report.sarif"
    for delay in (0.0, 0.003, 0.007, 0.013):
        writer = subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, str(file)], stdout=subprocess.PIPE)
        writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert json.loads(file.read_text())["runs"] == []


@pytest.mark.parametrize("delay", [0.2, 0.8, 1.6, 3.0])
def test_a_check_killed_at_any_moment_leaves_the_old_report_or_the_new_one(delay, failing, tmp_path):
    files = {form: tmp_path / f"report.{form}" for form in ("json", "sarif", "html")}
    for file in files.values():
        file.write_text('"old"')
    asked = [argument for form, file in files.items() for argument in ("--output", f"{form}={file}")]
    command = [sys.executable, "-m", "theodore_plugin", "check", str(failing), "--no-cache", *asked]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(delay)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    for form in ("json", "sarif"):
        json.loads(files[form].read_text())
    assert files["html"].read_text() == '"old"' or files["html"].read_text().rstrip().endswith("</html>")
