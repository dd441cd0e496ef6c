"""The command: imports, updates and status, as a person and as a program reads them."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from theodore_plugin.cli import main


@pytest.fixture
def snapshot(tmp_path):
    """Write a snapshot whose newest record is this many days old."""

    def write(days=0, name="records.jsonl", **fields):
        stamp = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        affected = [{"package": {"ecosystem": "PyPI", "name": "demo"}, "versions": ["1.0"]}]
        path = tmp_path / name
        path.write_text(json.dumps({"id": "PYSEC-1", "modified": stamp, "affected": affected, **fields}) + "\n")
        return path

    return write


@pytest.fixture
def served(snapshot):
    """An address from which the snapshot can be fetched."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            data = self.server.data
            self.send_response(304 if self.headers.get("If-None-Match") == '"1"' else 200)
            self.send_header("ETag", '"1"')
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.data = snapshot().read_bytes()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/all.jsonl"
        server.shutdown()
        thread.join()


def run(capsys, *arguments):
    code = main(["advisories", *map(str, arguments)])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


def test_an_import_says_what_came_in_and_what_to_do_next(capsys, snapshot):
    code, out, err = run(capsys, "import", snapshot())
    assert (code, err) == (0, "")
    assert "imported 1 advisories for 1 packages from records.jsonl" in out
    assert "next: theodore-plugin check --advisories local" in out


def test_status_is_the_same_for_people_and_for_programs(capsys, snapshot, own_home):
    run(capsys, "import", snapshot(days=3))
    code, text, _ = run(capsys, "status")
    _, printed, _ = run(capsys, "status", "--output-format", "json")
    found = json.loads(printed)
    assert code == 0
    assert "fresh enough" in text
    assert found["digest"] in text
    assert found["path"] == str(own_home / "advisories.sqlite")
    assert (found["age_days"], found["fresh"], found["records"], found["packages"]) == (3, True, 1, 1)
    assert found["policy"] == {"name": "default", "max_age_days": 7, "on_stale": "incomplete"}


def test_status_says_when_a_policy_does_not_accept_the_data_any_more(capsys, snapshot):
    run(capsys, "import", snapshot(days=8))
    code, text, _ = run(capsys, "status")
    assert (code, "too old, which makes a check incomplete" in text) == (0, True)
    assert "next: theodore-plugin advisories update" in text


def test_status_of_nothing_is_3_and_says_how_to_begin(capsys):
    code, out, err = run(capsys, "status")
    assert (code, out) == (3, "")
    assert "advisories update" in err


@pytest.mark.parametrize("content", ["{", "[]", ""], ids=["cut", "list", "empty"])
def test_a_defective_file_is_2_with_its_place_and_a_remedy(capsys, tmp_path, content):
    path = tmp_path / "bad.jsonl"
    path.write_text(content)
    code, out, err = run(capsys, "import", path)
    assert (code, out) == (2, "")
    assert "bad.jsonl" in err
    assert "help: " in err


def test_a_file_that_is_not_there_is_2(capsys, tmp_path):
    code, _, err = run(capsys, "import", tmp_path / "gone.zip")
    assert (code, "no such advisory snapshot" in err) == (2, True)


def test_older_data_needs_a_word(capsys, snapshot):
    run(capsys, "import", snapshot(days=1))
    older = snapshot(days=2, name="older.jsonl")
    code, _, err = run(capsys, "import", older)
    assert (code, "--allow-older" in err) == (2, True)
    assert run(capsys, "import", "--allow-older", older)[0] == 0


def test_an_update_fetches_once_and_then_says_that_nothing_changed(capsys, served):
    code, out, _ = run(capsys, "update", "--from", served)
    assert (code, served in out) == (0, True)
    code, out, _ = run(capsys, "update", "--from", served)
    assert (code, out.startswith("unchanged: ")) == (0, True)


@pytest.mark.parametrize("url", ["http://example.org/all.zip", "all.zip", "file:///etc/passwd"])
def test_an_address_that_is_not_safe_is_2(capsys, url):
    code, _, err = run(capsys, "update", "--from", url)
    assert (code, "use https" in err) == (2, True)


def test_a_member_with_control_characters_in_its_name_is_shown_escaped(capsys, tmp_path):
    import zipfile

    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("\x1b[31mred.json", "{}")
    code, _, err = run(capsys, "import", path)
    assert code == 2
    assert "\x1b[31mred" not in err


def test_the_group_alone_lists_its_commands(capsys):
    _, out, err = run(capsys)
    assert all(name in out + err for name in ("import", "update", "status"))


def test_a_check_asks_the_local_database(capsys, snapshot, project_folder):
    pyproject = project_folder / "pyproject.toml"
    text = pyproject.read_text().replace("dependencies = []", 'dependencies = ["demo"]')
    assert "demo" in text
    pyproject.write_text(text)
    (project_folder / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "a test"\n[[packages]]\nname = "demo"\nversion = "1.0"\n'
        '[[packages.wheels]]\nname = "demo-1.0-py3-none-any.whl"\nurl = "https://files.example/demo-1.0-py3-none-any.whl"\n'
        f'hashes = {{sha256 = "{"a" * 64}"}}\n'
    )
    run(capsys, "import", snapshot())
    code = main(["check", str(project_folder), "--advisories", "local", "--output-format", "concise"])
    out = capsys.readouterr().out
    assert code in {1, 4}
    assert "PYSEC-1" in out
