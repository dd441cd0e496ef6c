import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_plugin.cli import main


def add(plugin_file, text):
    plugin_file.write_text(plugin_file.read_text() + text)


EVAL = "\n\ndef f(x: str) -> object:\n    return eval(x)\n"


def test_pass_is_0(project_folder, capsys):
    assert main(["check", str(project_folder)]) == 0
    out = capsys.readouterr().out
    assert "pass: page-notes 0.1.0 under policy default" in out
    assert "next: theodore-plugin package" in out


def test_findings_are_1_and_shown_with_their_line(project_folder, plugin_file, capsys):
    add(plugin_file, EVAL)
    assert main(["check", str(project_folder)]) == 1
    out = capsys.readouterr().out
    assert "error[dynamic-code-execution]" in out
    assert "    return eval(x)" in out
    assert "fail: page-notes" in out


def test_incomplete_is_4_even_with_findings(project_folder, plugin_file, capsys):
    add(plugin_file, EVAL)
    plugin_file.with_name("broken.py").write_text("def (\n")
    assert main(["check", str(project_folder), "--output-format", "concise"]) == 4
    out = capsys.readouterr().out
    assert "broken.py" in out
    assert "error[dynamic-code-execution]" in out
    assert out.splitlines()[-1].startswith("incomplete: ")


def empty_folder(tmp_path):
    return tmp_path


def missing(tmp_path):
    return tmp_path / "missing"


def text_file(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("x")
    return path


def no_wheel(tmp_path):
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    path.write_text("no zip")
    return path


def truncated_wheel(tmp_path):
    import zipfile

    path = tmp_path / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("demo/__init__.py", "x = 1\n" * 100)
    path.write_bytes(path.read_bytes()[:-40])
    return path


def broken_pyproject(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project\n")
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "__init__.py").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("make", "code"),
    [(missing, 2), (text_file, 2), (broken_pyproject, 2), (empty_folder, 3)],
)
def test_what_is_no_plugin_is_answered_with_one_message(make, code, tmp_path, capsys):
    path = make(tmp_path)
    assert main(["check", str(path)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error")
    assert "help: " in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("make", [no_wheel, truncated_wheel])
def test_a_damaged_wheel_is_a_finding_and_the_only_one(make, tmp_path, capsys):
    code = main(
        ["check", str(make(tmp_path)), "--policy", "development", "--advisories", "off", "--output-format", "json"]
    )
    document = json.loads(capsys.readouterr().out)
    assert (code, [finding["rule"] for finding in document["findings"]]) == (1, ["not-a-wheel"])


@pytest.mark.parametrize(
    "options",
    [
        ["--policy", "defualt"],
        ["--advisories", "offline"],
        ["--advisories", "gone.jsonl"],
        ["--output-format", "xml"],
        ["--persona", "boss"],
    ],
)
def test_a_wrong_option_is_2(options, project_folder, capsys):
    (project_folder / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "idna"\nversion = "3.7"\n'
        '[[packages.wheels]]\nname = "idna-3.7-py3-none-any.whl"\nurl = "https://files.example/idna-3.7-py3-none-any.whl"\n'
        f'hashes = {{sha256 = "{"a" * 64}"}}\n'
    )
    assert main(["check", str(project_folder), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "help: " in captured.err


def test_a_policy_with_a_typo_is_2_and_says_where(project_folder, tmp_path, capsys):
    policy = tmp_path / "mine.yaml"
    policy.write_text("schema: 1\nname: mine\npermisions: {}\n")
    assert main(["check", str(project_folder), "--policy", str(policy)]) == 2
    assert "mine.yaml:3:1" in capsys.readouterr().err


def test_json_fits_its_schema_and_is_alone_on_standard_output(project_folder, plugin_file, capsys):
    add(plugin_file, EVAL)
    assert main(["check", str(project_folder), "--output-format", "json"]) == 1
    captured = capsys.readouterr()
    values = json.loads(captured.out)
    jsonschema.validate(values, json.loads((policies_dir() / "schemas" / "report.schema.json").read_bytes()))
    assert values["verdict"] == "fail"
    assert captured.err == ""


def test_hostile_names_and_text_reach_the_terminal_as_code_points(project_folder, plugin_file, capsys):
    plugin_file.with_name("x\x1b[31mred.py").write_text("def f(x):\n    return eval(x)  # \u202e\x07\n")
    main(["check", str(project_folder)])
    out = capsys.readouterr().out
    assert "<U+001B>[31mred.py" in out
    assert all(character == "\n" or character.isprintable() for character in out)


def test_a_file_that_is_not_utf8_is_answered(project_folder, plugin_file, capsys):
    plugin_file.with_name("latin.py").write_bytes(b"s = '\xe9'\n")
    assert main(["check", str(project_folder)]) == 4
    assert "latin.py" in capsys.readouterr().out


def test_a_disk_that_takes_no_more_is_one_message_and_leaves_nothing(project_folder, plugin_file, tmp_path):
    add(plugin_file, "\n# " + "x" * 20_000 + "\n")
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    script = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        "from theodore_plugin.cli import main\n"
        f"sys.exit(main(['check', {str(project_folder)!r}]))"
    )
    environment = {**os.environ, "TMPDIR": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: {scratch}/theodore-check-")
    assert "plugin.py: File too large" in done.stderr
    assert list(scratch.iterdir()) == []


def children(pid: int) -> str:
    return "".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))


def test_an_interrupt_ends_the_tools_and_leaves_nothing(project_folder, plugin_file, tmp_path):
    for number in range(6):
        plugin_file.with_name(f"slow{number}.py").write_text("x = print(1)\n" * 20_000)
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    command = [sys.executable, "-m", "theodore_plugin", "check", str(project_folder)]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)
    deadline = time.monotonic() + 60
    while not list(scratch.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    while not children(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)  # past its imports, where the interpreter may drop an interrupt in a callback of its own
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, err) == ("", "interrupted\n")
    assert list(scratch.iterdir()) == []


def test_the_matrix_has_a_row_per_known_host_and_leaves_the_exit_code_alone(project_folder, plugin_file, capsys):
    text = plugin_file.read_text()
    plugin_file.write_text(text.replace("def cleanup(self)", "def cleanup(self, now: int)"))
    assert main(["check", str(project_folder), "--matrix", "--output-format", "concise"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "host   answer"
    assert lines[1] == "2.0.0  breaks"
    assert lines[2].startswith("       signature-mismatch  src/page_notes/plugin.py:")


def test_several_projects_are_checked_in_their_order(project_folder, pristine, capsys):
    (project_folder / "src" / "page_notes" / "extra.py").write_text("eval(input())\n")
    assert main(["check", str(pristine), str(project_folder), "--output-format=concise"]) == 1
    out = capsys.readouterr().out
    assert out.index("pass:") < out.index("extra.py:1:1") < out.index("fail:")


def test_what_cannot_be_checked_does_not_keep_the_others_from_it(pristine, tmp_path, capsys):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "pyproject.toml").write_text("[project")
    assert main(["check", str(broken), str(pristine), "--output-format=concise"]) == 2
    said = capsys.readouterr()
    assert "not valid TOML" in said.err
    assert "pass: page-notes" in said.out


def test_exit_zero_hides_nothing_and_says_so(project_folder, capsys):
    (project_folder / "src" / "page_notes" / "extra.py").write_text("eval(input())\n")
    assert main(["check", str(project_folder), "--exit-zero"]) == 0
    said = capsys.readouterr()
    assert "fail: page-notes" in said.out
    assert "--exit-zero" in said.err


def test_exit_zero_does_not_hide_that_another_target_could_not_be_checked(project_folder, tmp_path):
    """The plain code of both is 1, so the other reason has to come forward once that is set aside."""
    (project_folder / "src" / "page_notes" / "extra.py").write_text("eval(input())\n")
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    assert main(["check", str(project_folder), str(nothing), "--advisories", "off"]) == 1
    assert main(["check", str(project_folder), str(nothing), "--advisories", "off", "--exit-zero"]) == 3


def test_exit_zero_does_not_pass_off_what_was_not_analysed(project_folder):
    (project_folder / "src" / "page_notes" / "extra.py").write_text("def broken(:\n")
    assert main(["check", str(project_folder), "--exit-zero"]) == 4
