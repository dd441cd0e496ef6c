"""What a tool or a service says that is not an answer is a failure, whatever it looks like."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from theodore_loader.sandbox.order import Achieved
from theodore_loader.sandbox.run import Completed
from theodore_loader.sandbox.tier import Tier
from theodore_plugin.coverage import State
from theodore_plugin.finding import Location
from theodore_plugin.scanners import bandit, mypy, pip_audit
from theodore_plugin.scanners.hermetic import ToolRun
from theodore_plugin.scanners.pins import Pin

IDNA = Pin("idna", "3.7", Location("pylock.toml"))


def answer(stdout, returncode=0, **more):
    text = stdout if isinstance(stdout, bytes) else json.dumps(stdout).encode()
    completed = Completed(returncode, text, b"", False, Achieved(Tier.NONE, ()), 0.1)
    return ToolRun(completed, "none")


@pytest.mark.parametrize("parse", [bandit._parse, mypy._parse, pip_audit._parse])
@pytest.mark.parametrize(
    "run",
    [
        answer(b"garbage"),
        answer(b"\xff\xfe\x00"),
        answer([]),
        answer(7),
        answer({"dependencies": [], "results": [], "errors": [], "metrics": {}}, returncode=2),
        answer({"dependencies": [], "results": [], "errors": [], "metrics": {}}, returncode=-9),
        answer({"dependencies": 7, "results": 7, "errors": 7, "metrics": 7}),
        answer({"dependencies": [{"nom": 1}], "results": []}),
    ],
)
def test_what_is_no_report_is_not_taken_for_one(parse, run):
    assert parse(run) is None


def test_an_empty_answer_is_mypys_clean_one_and_nobody_elses():
    assert mypy._parse(answer(b"")) == []
    assert bandit._parse(answer(b"")) is None
    assert pip_audit._parse(answer(b"")) is None


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({}, "did not mention it"),
        ({"idna": {"name": "idna", "skip_reason": "not found on PyPI"}}, "not found on PyPI"),
        ({"idna": {"name": "idna", "skip_reason": ""}}, "skipped without a reason"),
        ({"idna": {"name": "idna", "version": "3.6", "vulns": []}}, "answered for version 3.6"),
        ({"idna": {"name": "idna", "version": "3.7"}}, "answered for version 3.7"),
    ],
)
def test_a_package_that_was_not_looked_up_is_not_audited(said, says):
    (entry,) = pip_audit._account((IDNA,), said)
    assert entry.state is State.FAILED
    assert says in entry.reason


class Odd(BaseHTTPRequestHandler):
    status, body = 200, b""

    def do_POST(self):
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def service():
    servers = []

    def start(status, body):
        handler = type("Handler", (Odd,), {"status": status, "body": body})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/v1/query"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body"), [(500, b"oops"), (404, b"{}"), (200, b"<html>"), (200, b'{"vulns": [{}]}'), (200, b"[7]")]
)
def test_a_service_that_answers_nonsense_is_not_a_clean_audit(scan, lock, service, status, body):
    files = {"src/demo/__init__.py": "", "pylock.toml": lock(idna="3.7")}
    result = scan(pip_audit.PipAuditScanner(), files, advisories=service(status, body))
    assert result.failures
    assert [entry.path for entry in result.coverage.failed] == ["idna==3.7"]


@pytest.mark.parametrize("record", [{"id": "X-1", "schema_version": "2.0.0", "affected": []}, {"id": "X-1"}])
def test_an_advisory_the_auditor_passes_over_is_not_passed_over_here(scan, lock, service, record):
    files = {"src/demo/__init__.py": "", "pylock.toml": lock(idna="3.7")}
    url = service(200, json.dumps({"vulns": [record]}).encode())
    (failure,) = scan(pip_audit.PipAuditScanner(), files, advisories=url).failures
    assert "passed over advisories" in failure.reason
