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
from theodore_plugin.scanners import bandit, pip_audit
from theodore_plugin.scanners.hermetic import ToolRun
from theodore_plugin.scanners.mypy_answer import read_answer
from theodore_plugin.scanners.pins import Pin
from theodore_plugin.scanners.pip_audit_answer import account, read_answers

IDNA = Pin("idna", "3.7", Location("pylock.toml"))


def answer(stdout, returncode=0, **more):
    text = stdout if isinstance(stdout, bytes) else json.dumps(stdout).encode()
    completed = Completed(returncode, text, b"", False, Achieved(Tier.NONE, ()), 0.1)
    return ToolRun(completed, "none")


@pytest.fixture
def end(tmp_path):
    """The file mypy leaves when it reached its end."""
    path = tmp_path / "end.xml"
    path.write_text('<?xml version="1.0"?>\n<testsuite tests="1">\n</testsuite>\n')
    return path


@pytest.mark.parametrize("tool", ["bandit", "mypy", "pip-audit"])
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
        answer({"dependencies": [7], "results": [7], "errors": [], "metrics": {}}, returncode=1),
        answer({"dependencies": [7], "results": [], "errors": [7], "metrics": {}}),
        answer({"dependencies": [7], "results": [], "errors": [], "metrics": {}}, returncode=1),
        answer({"dependencies": [7], "results": [{}], "errors": [], "metrics": {}}),
        answer(b"[" * 100_000),
        answer({"dependencies": [{"nom": 1}], "results": []}),
    ],
)
def test_what_is_no_report_is_not_taken_for_one(tool, run, end):
    parse = {"bandit": bandit._parse, "mypy": lambda run: read_answer(run, end), "pip-audit": read_answers}[tool]
    assert parse(run) is None


def test_an_empty_answer_is_mypys_clean_one_if_it_reached_its_end_and_nobody_elses(end, tmp_path):
    assert read_answer(answer(b""), end) == []
    assert read_answer(answer(b""), tmp_path / "missing.xml") is None
    end.write_text("<testsuite")
    assert read_answer(answer(b""), end) is None
    assert bandit._parse(answer(b"")) is None
    assert read_answers(answer(b"")) is None


def test_an_ending_that_contradicts_the_messages_is_not_mypys(end):
    error = {"file": "x.py", "line": 1, "column": 0, "message": "m", "severity": "error"}
    assert read_answer(answer(b"", returncode=1), end) is None
    assert read_answer(answer(error, returncode=0), end) is None
    assert read_answer(answer(error, returncode=1), end) == [error]
    assert read_answer(answer({**error, "line": "1"}, returncode=1), end) is None


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ([], "did not mention it"),
        ([{"name": "idna", "skip_reason": "not found on PyPI"}], "not found on PyPI"),
        ([{"name": "idna", "skip_reason": ""}], "skipped without a reason"),
        ([{"name": "idna", "version": "3.6", "vulns": []}], "answered for version 3.6"),
    ],
)
def test_a_package_that_was_not_looked_up_is_not_audited(said, says):
    answers = read_answers(answer({"dependencies": said}))
    assert answers is not None
    (entry,) = account((IDNA,), answers)
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
