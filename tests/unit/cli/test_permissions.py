import io
import json
import re
import tarfile

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_plugin.cli import main

SOCKET = "\n\ndef f() -> None:\n    import socket\n\n    socket.create_connection(('example.org', 443))\n"
CALLER = b"""import socket


def fetch(host):
    return dial(host)


def dial(host):
    return socket.create_connection(("example.org", 443))
"""


@pytest.fixture
def run(capsys):
    """Run `permissions …` and return (code, out, err)."""

    def call(*arguments):
        code = main(["permissions", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def package(tmp_path):
    def write(name="parcel", **files):
        for stem, text in files.items():
            path = tmp_path / name / f"{stem}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return write


def validated(text):
    values = json.loads(text)
    schema = json.loads((policies_dir() / "schemas" / "permissions.schema.json").read_bytes())
    jsonschema.Draft202012Validator(schema).validate(values)
    return values


def test_a_plugin_shows_its_permission_and_what_it_declares(run, project_folder, plugin_file):
    plugin_file.write_text(plugin_file.read_text() + SOCKET)
    code, out, _ = run(project_folder)
    assert code == 0
    assert re.search(r"network\n +connect +example\.org:443 +proven +1 site +src/page_notes/plugin\.py:\d+", out)
    assert "declared by the plugin" in out


def test_any_package_will_do(run, package):
    code, out, _ = run(package(__init__="", net=CALLER))
    assert code == 0
    assert "parcel" in out.splitlines()[0]
    assert "example.org:443" in out
    assert "declared by" not in out


def test_a_single_file_will_do(run, package):
    code, out, _ = run(package(net=CALLER) / "net.py")
    assert code == 0
    assert "example.org:443" in out


def test_an_installed_distribution_is_found_by_name(run):
    code, out, _ = run("iniconfig", "--no-download")
    assert code == 0
    assert out.startswith("iniconfig ")
    assert "installed" in out.splitlines()[0]
    assert "filesystem" in out


def test_a_source_archive_is_read(run, tmp_path):
    path = tmp_path / "parcel-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("parcel-1.0/parcel.py")
        entry.size = len(CALLER)
        archive.addfile(entry, io.BytesIO(CALLER))
    code, out, _ = run(path)
    assert code == 0
    assert out.startswith("parcel 1.0  source archive")


def test_what_happens_at_import_is_kept_apart(run, package):
    code, out, _ = run(package(__init__="import os\nos.system('ls')\n\ndef f():\n    os.getenv('HOME')\n"))
    assert code == 0
    imported, rest = out.split("while it is imported")[1].split("\n\n", 1)
    assert "subprocess" in imported
    assert "environment" not in imported
    assert "environment" in rest


def test_what_cannot_be_known_is_listed_with_its_place_and_the_share_of_calls(run, package):
    code, out, _ = run(package(__init__="def f(x):\n    exec(x)\n    x.y()\n"))
    assert code == 0
    assert "cannot be known" in out
    assert "parcel/__init__.py:2" in out
    assert re.search(r"2 calls, \d+\.\d % unresolved", out)


def test_nothing_found_is_said(run, package):
    _, out, _ = run(package(__init__="X = 1\n"))
    assert "no permission inferred" in out


def test_why_draws_every_distinct_chain(run, package):
    text = CALLER + b"\n\ndef other(host):\n    dial(host)\n    socket.create_connection(('example.org', 443))\n"
    code, out, _ = run(package(__init__="", net=text), "--why", "network:example.org:443")
    assert code == 0
    assert "network connect example.org:443  proven" in out
    assert out.count("calls socket.create_connection") == 2
    assert "└── " in out
    assert "parcel/net.py:9" in out


def test_why_of_something_not_inferred_says_so(run, package):
    code, out, _ = run(package(__init__=""), "--why", "subprocess")
    assert code == 0
    assert "nothing inferred for subprocess" in out


def test_why_of_no_permission_is_2_and_names_the_nearest(run, package):
    code, _, err = run(package(__init__=""), "--why", "netwrok")
    assert code == 2
    assert "did you mean 'network'" in err


def test_json_follows_its_schema(run, package):
    code, out, _ = run(package(__init__="exec(input())\n", net=CALLER), "--format", "json")
    assert code == 0
    values = validated(out)
    assert [row["target"] for row in values["permissions"] if row["type"] == "network"] == ["example.org:443"]
    assert values["unknown"]
    assert values["declared"] is None


def test_why_as_json_gives_what_was_asked_about(run, package):
    folder = package(__init__="import os\nos.system('x')\n", net=CALLER)
    _, out, _ = run(folder, "--why", "network", "--format", "json")
    assert {row["type"] for row in validated(out)["permissions"]} == {"network"}


def test_json_is_the_same_every_time(run, package):
    folder = package(__init__="exec(input())\n", net=CALLER)
    assert run(folder, "--format", "json", "--no-cache") == run(folder, "--format", "json", "--no-cache")


def test_a_file_that_cannot_be_analysed_is_4_and_named(run, package):
    code, out, err = run(package(__init__="", broken="def (\n"), "--format", "json")
    assert code == 4
    assert "not analysed: parcel/broken.py" in err
    assert validated(out)["complete"] is False


@pytest.mark.parametrize(
    ("arguments", "expected", "says"),
    [
        (["no/such/folder"], 2, "no such file"),
        (["no-such.whl"], 2, "no such file"),
        (["no-such-distribution-here", "--no-download"], 2, "nor installed"),
        (["iniconfig==0.0.1", "--no-download"], 2, "installed is"),
        (["diff", "one"], 2, "diff compares two"),
        (["one", "two"], 2, "one target at a time"),
        (["diff", "one", "two", "--why", "network"], 2, "--why asks about one target"),
    ],
)
def test_wrong_targets_are_2_with_a_way_out(run, arguments, expected, says):
    code, _, err = run(*arguments)
    assert code == expected
    assert says in err
    assert "help: " in err


def test_an_empty_folder_is_3(run, tmp_path):
    code, _, err = run(tmp_path)
    assert code == 3
    assert "help: " in err


def test_no_wheel_is_refused_with_5(run, tmp_path):
    (tmp_path / "parcel-1.0-py3-none-any.whl").write_bytes(b"PK\x03\x04 broken")
    code, _, err = run(tmp_path / "parcel-1.0-py3-none-any.whl")
    assert code == 5
    assert "not-a-wheel" in err


def test_hostile_names_are_made_visible(run, package):
    _, out, _ = run(package(**{"__init__": "", "a\x1b[2Jb": "import os\nos.system('x')\n"}))
    assert "\x1b[2J" not in out
    assert "<U+001B>" in out


def test_diff_shows_what_an_upgrade_gains_with_its_chain_and_loses(run, package):
    old = package("old", __init__="import os\n\ndef f():\n    os.system('ls')\n")
    new = package("new", __init__="", net=CALLER)
    code, out, _ = run("diff", old, new)
    assert code == 1
    assert re.search(r"\+ network connect example\.org:443 .*\n(.*\n)*.*calls socket\.create_connection", out)
    assert "- subprocess run sh" in out
    assert out.splitlines()[-1] == "1 gained, 1 lost"


def test_diff_of_the_same_is_0(run, package):
    folder = package(__init__="", net=CALLER)
    code, out, _ = run("diff", folder, folder)
    assert code == 0
    assert "no difference" in out


def test_moving_lines_or_losing_something_is_no_gain(run, package):
    old = package("old", __init__="import os\n", net=CALLER)
    assert run("diff", old, package("new", __init__="", net=b"# moved\n\n" + CALLER))[0] == 0
    assert run("diff", old, package("less", __init__=""))[0] == 0


def test_doing_it_at_import_is_a_gain(run, package):
    old = package("old", __init__="import os\n\ndef f():\n    os.system('ls')\n")
    new = package("new", __init__="import os\n\ndef f():\n    os.system('ls')\n\nf()\n")
    code, out, _ = run("diff", old, new)
    assert code == 1
    assert "while it is imported" in out


def test_a_new_unknown_is_a_gain(run, package):
    code, out, _ = run("diff", package("old", __init__=""), package("new", __init__="import no_such_library\n"))
    assert code == 1
    assert "+ unknown: " in out


def test_diff_as_json_follows_the_schema(run, package):
    code, out, _ = run("diff", package("old", __init__=""), package("new", net=CALLER), "--format", "json")
    assert code == 1
    values = validated(out)
    assert [row["target"] for row in values["gained"]["permissions"]] == ["example.org:443"]


def test_diff_of_something_not_analysed_is_4(run, package):
    code, _, err = run("diff", package("old", __init__=""), package("new", net=CALLER, broken="def (\n"))
    assert code == 4
    assert "not analysed" in err
