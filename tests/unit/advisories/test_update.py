"""Fetching from a real server on loopback: what it may answer, and what becomes of the data in place."""

import hashlib
import json
import socket
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.advisories import fetch
from theodore_plugin.advisories.fetch import OFFICIAL, refuse_unsafe
from theodore_plugin.advisories.store import current, database_path
from theodore_plugin.advisories.update import update


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        self.server.answer(self)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A server whose ``answer`` the test sets."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.daemon_threads, server.block_on_close = [], True, False
        server.url = f"http://127.0.0.1:{server.server_port}/PyPI/all.zip"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def bulk(record):
    """The bulk file, with the newest record of this day."""

    def make(day="2024-03-01", **more):
        with BytesIO() as buffer:
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
                found = record(versions=["1.0"], modified=f"{day}T00:00:00Z", **more)
                archive.writestr("PYSEC-1.json", json.dumps(found))
            return buffer.getvalue()

    return make


def serving(data, **headers):
    """Answer with data and its ETag, or that it has not changed."""
    etag = f'"{hashlib.md5(data).hexdigest()}"'

    def answer(handler):
        fresh = handler.headers.get("If-None-Match") != etag
        handler.send_response(200 if fresh else 304)
        handler.send_header("ETag", etag)
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if fresh:
            handler.wfile.write(data)

    return answer


def status(code, **headers):
    def answer(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@pytest.fixture
def run(server, now):
    return lambda url=None, **more: update(url or server.url, database_path(), now, **({"allow_older": False} | more))


def refusal(run, *arguments, **more):
    with pytest.raises(ConfigurationProblem) as refused:
        run(*arguments, **more)
    assert refused.value.help
    return refused.value


def test_the_bulk_file_becomes_the_database_and_its_address_the_source(server, run, bulk):
    server.answer = serving(bulk())
    updated = run()
    assert (updated.changed, updated.about.source, updated.about.records) == (True, server.url, 1)
    assert current(database_path()) == updated.about


def test_nothing_is_fetched_again_while_the_server_has_the_same(server, run, bulk):
    server.answer = serving(bulk())
    first, second = run(), run()
    assert (second.changed, second.about) == (False, first.about)
    assert "If-None-Match" not in server.asked[0][1]


def test_new_data_is_fetched_and_replaces_the_old(server, run, bulk):
    server.answer = serving(bulk())
    run()
    server.answer = serving(bulk("2024-04-01"))
    assert run().about.date.startswith("2024-04-01")


def test_a_damaged_database_is_fetched_again_although_the_server_has_the_same(server, run, bulk):
    server.answer = serving(bulk())
    run()
    data = bytearray(database_path().read_bytes())
    data[-1] ^= 1
    database_path().write_bytes(data)
    assert run().changed
    assert current(database_path())


def test_another_address_is_not_asked_with_the_name_of_this_ones_state(server, run, bulk):
    server.answer = serving(bulk())
    run()
    assert run(server.url + "?mirror").changed


def test_older_data_is_refused_unless_told_to(server, run, bulk):
    server.answer = serving(bulk("2024-04-01"))
    run()
    server.answer = serving(bulk("2024-03-01"))
    assert "--allow-older" in refusal(run).help
    assert run(allow_older=True).about.date.startswith("2024-03-01")


@pytest.mark.parametrize("code", [304, 403, 404, 500, 503])
def test_an_answer_that_is_no_file_is_named_with_its_number(server, run, code):
    server.answer = status(code)
    problem = refusal(run)
    assert str(code) in problem.message
    assert server.url in problem.message
    assert "advisories import FILE" in problem.help
    assert current(database_path()) is None


def test_a_page_instead_of_a_file_names_the_address_and_the_line(server, run, bulk):
    server.answer = serving(b"<html>Please log in</html>\n")
    assert f"{server.url}: not a sound zip" in refusal(run).message


def test_a_defective_record_names_the_member_and_keeps_the_old_data(server, run, bulk):
    server.answer = serving(bulk())
    about = run().about
    server.answer = serving(bulk("2024-05-01", id="PYSEC 1"))
    assert f"{server.url}: PYSEC-1.json: id is missing" in refusal(run).message
    assert current(database_path()) == about


def test_a_transfer_that_breaks_off_is_refused(server, run, bulk):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(bulk())

    server.answer = answer
    assert "broke off" in refusal(run).message


def test_a_server_that_hangs_up_is_refused(server, run):
    server.answer = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    assert server.url in refusal(run).message


def test_a_server_that_says_nothing_is_left(server, run, monkeypatch):
    monkeypatch.setattr(fetch, "SILENCE_SECONDS", 0.2)
    done = threading.Event()
    server.answer = lambda handler: done.wait(10)
    problem = refusal(run)
    done.set()
    assert "timed out" in problem.message or "Timeout" in problem.message


def test_a_server_that_never_ends_is_left_at_the_bound(server, run, monkeypatch):
    monkeypatch.setattr(fetch, "MAX_DOWNLOAD_BYTES", 2**20)

    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(bytes(2**16))
        except OSError:
            pass

    server.answer = answer
    assert "larger than 1 MiB" in refusal(run).message


def test_a_server_that_drips_is_left_at_the_deadline(server, run, monkeypatch):
    monkeypatch.setattr(fetch, "DEADLINE_SECONDS", -1.0)
    server.answer = serving(b"drop")
    assert "not there after" in refusal(run).message


def test_a_redirection_to_the_same_machine_is_followed(server, run, bulk):
    sound = serving(bulk())

    def answer(handler):
        (sound if handler.path == "/elsewhere.zip" else status(302, Location="/elsewhere.zip"))(handler)

    server.answer = answer
    assert run().about.source == server.url


@pytest.mark.parametrize(
    "where", ["http://example.org/all.zip", "file:///etc/passwd", "ftp://127.0.0.1/x", "//example.org/"]
)
def test_a_redirection_to_where_nobody_would_go_is_refused(server, run, where):
    server.answer = status(302, Location=where)
    refusal(run)
    assert len(server.asked) == 1


def test_redirections_in_a_circle_end(server, run):
    server.answer = status(302, Location="/PyPI/all.zip")
    refusal(run)


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.org/all.zip", "http://127.0.0.1.example.org/", "http://localhost.example.org/"),
        *("file:///etc/passwd", "ftp://example.org/x", "all.zip", "", "https://", "http://[::1", "https:///x"),
        *("https://user:secret@example.org/all.zip", "http://2130706433.nip.io/"),
    ],
)
def test_an_address_that_is_not_https_is_refused_and_not_repeated(url):
    with pytest.raises(ConfigurationProblem) as refused:
        refuse_unsafe(url)
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    "url", [OFFICIAL, "http://127.0.0.1:8000/", "http://[::1]:8000/", "http://localhost/", "HTTPS://a.example/"]
)
def test_https_and_loopback_are_accepted(url):
    refuse_unsafe(url)


def test_a_server_without_a_certificate_we_trust_is_refused(server, run, monkeypatch, tmp_path):
    server.answer = status(200)
    problem = refusal(run, server.url.replace("http:", "https:"))
    assert "cannot be reached" in problem.message or "broke off" in problem.message
    assert server.asked == []


def test_nobody_there_is_said_with_the_way_without_a_network(run):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    problem = refusal(run, f"http://127.0.0.1:{port}/all.zip")
    assert "Connection refused" in problem.message
    assert "advisories import FILE" in problem.help


def test_a_proxy_is_not_asked_for_this_machine(server, run, bulk, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.answer = serving(bulk())
    assert run().changed


def test_nothing_fetched_is_left_behind(server, run, bulk, own_home):
    server.answer = serving(bulk())
    run()
    server.answer = serving(b"garbage")
    refusal(run)
    assert sorted(entry.name for entry in own_home.iterdir()) == ["advisories.lock", "advisories.sqlite"]
