import json
import time
from base64 import urlsafe_b64encode
from hashlib import sha256

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_plugin.cli import main
from theodore_plugin.cli import permission_answer as computing

DIALLER = b"""import socket


def dial(host):
    return _connected(host)


def _connected(host):
    return socket.create_connection(("dialled.example", 443))
"""
USER = b"import dialler\n\n\ndef fetch(host):\n    return dialler.dial(host)\n"


def row(path, data):
    digest = urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"


@pytest.fixture
def environment(tmp_path):
    folder = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def install(environment):
    def put(name, version, files, requires=()):
        for old in environment.glob(f"{name}-*.dist-info"):
            for part in old.iterdir():
                part.unlink()
            old.rmdir()
        info = f"{name}-{version}.dist-info"
        needs = "".join(f"Requires-Dist: {item}\n" for item in requires)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}".encode()
        members = {**files, f"{info}/METADATA": metadata}
        members[f"{info}/RECORD"] = ("".join(row(*item) for item in members.items()) + f"{info}/RECORD,,\n").encode()
        for path, data in members.items():
            (environment / path).parent.mkdir(exist_ok=True)
            (environment / path).write_bytes(data)

    return put


@pytest.fixture
def run(capsys, environment, tmp_path, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)  # parallel test runs set it
    (tmp_path / "parcel").mkdir()
    (tmp_path / "parcel" / "__init__.py").write_bytes(USER)

    def call(*arguments):
        given = arguments or (str(tmp_path / "parcel"),)
        code = main(["permissions", *given, "--environment", str(tmp_path / "venv"), "--no-download"])
        return code, *capsys.readouterr()

    return call


def test_a_dependency_is_followed_and_named(run, install):
    install("dialler", "1.0", {"dialler.py": DIALLER})
    code, out, _ = run()
    assert code == 0
    (line,) = [line for line in out.splitlines() if "connect" in line]
    assert "dialled.example:443" in line
    assert "parcel/__init__.py:5" in line
    assert line.endswith("through dialler")
    assert "followed into dialler 1.0" in out
    assert "cannot be known" not in out


def test_why_goes_on_inside_the_dependency(run, install, tmp_path):
    install("dialler", "1.0", {"dialler.py": DIALLER})
    _, out, _ = run(str(tmp_path / "parcel"), "--why", "network:dialler")
    assert "anyone may call fetch  parcel/__init__.py:4" in out
    assert "socket.create_connection  dialler.py:9" in out


def test_json_names_the_dependency_and_its_digest(run, install, environment, tmp_path):
    install("dialler", "1.0", {"dialler.py": DIALLER})
    _, out, _ = run(str(tmp_path / "parcel"), "--format", "json")
    values = json.loads(out)
    schema = json.loads((policies_dir() / "schemas" / "permissions.schema.json").read_bytes())
    jsonschema.Draft202012Validator(schema).validate(values)
    record = (environment / "dialler-1.0.dist-info" / "RECORD").read_bytes()
    assert values["distributions"] == [{"name": "dialler", "version": "1.0", "digest": sha256(record).hexdigest()}]
    (found,) = values["permissions"]
    assert (found["through"], found["target"]) == ("dialler", "dialled.example:443")
    assert found["sites"][0]["within"][-1]["path"] == "dialler.py"


def test_without_the_dependency_it_cannot_be_known(run, install):
    install("other", "1.0", {"other.py": b""})
    code, out, _ = run()
    assert code == 0
    assert "network" not in out
    assert "dialler is not in the capability map" in out


def test_a_changed_file_of_a_dependency_is_not_analysed(run, install, environment):
    install("dialler", "1.0", {"dialler.py": DIALLER})
    (environment / "dialler.py").write_bytes(b"pass\n")
    code, _, err = run()
    assert code == 4
    assert "not analysed: dialler.py" in err
    assert "in dialler 1.0" in err


def test_an_installed_distribution_is_followed_into_what_it_requires(run, install):
    install("dialler", "1.0", {"dialler.py": DIALLER})
    install("parcel", "2.0", {"parcel_code.py": USER}, requires=["dialler>=1"])
    code, out, _ = run("parcel")
    assert code == 0
    assert "through dialler" in out


def test_an_upgraded_dependency_is_a_new_question(run, install, monkeypatch):
    computed = []
    compute = computing.answer
    monkeypatch.setattr(computing, "answer", lambda asked: computed.append(asked) or compute(asked))
    install("dialler", "1.0", {"dialler.py": DIALLER})
    time.sleep(0.08)
    first = run()
    assert run() == first
    assert len(computed) == 1
    install("dialler", "1.1", {"dialler.py": DIALLER.replace(b"dialled.example", b"moved.example")})
    assert "moved.example:443" in run()[1]


def test_a_dependency_repacked_under_its_version_is_a_new_question(run, install):
    install("dialler", "1.0", {"dialler.py": DIALLER})
    time.sleep(0.08)
    assert "dialled.example:443" in run()[1]
    install("dialler", "1.0", {"dialler.py": DIALLER.replace(b"dialled.example", b"moved.example")})
    assert "moved.example:443" in run()[1]


def test_a_row_in_a_pipe_is_one_line_and_folds_in_a_narrow_terminal(run, install, monkeypatch):
    install("dialler", "1.0", {"dialler.py": DIALLER})
    assert any("connect" in line and "through dialler" in line for line in run()[1].splitlines())
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(computing, "stdout", type(computing.stdout)(width=60, soft_wrap=True))
    assert not any("connect" in line and "through dialler" in line for line in run()[1].splitlines())
