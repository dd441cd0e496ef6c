"""Cutting the power at any moment of a check leaves nothing that could spoil the next one."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from theodore_plugin.store.catalogue import KINDS
from theodore_plugin.store.store import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")


@pytest.fixture
def check(project_folder, own_home, tmp_path):
    """Return a function that starts a real check, which writes two reports."""
    (project_folder / "src" / "page_notes" / "extra.py").write_text("eval(input())\n")
    reports = tmp_path / "reports"
    reports.mkdir()
    record = {"schema_version": "1.6.0", "id": "X-1", "modified": datetime.now(UTC).isoformat()}
    affected = [{"package": {"name": "nobody-uses-this", "ecosystem": "PyPI"}, "versions": ["1.0"]}]
    snapshot = tmp_path / "advisories.jsonl"
    snapshot.write_text(json.dumps({**record, "affected": affected}) + "\n")
    argv = [sys.executable, "-m", "theodore_plugin", "check", str(project_folder), f"--advisories={snapshot}"]
    argv += [f"--output=sarif={reports / 'out.sarif'}", f"--output=json={reports / 'out.json'}"]

    def start():
        environment = {**os.environ, "THEODORE_PLUGIN_HOME": str(own_home)}
        return subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return start, reports


def findings(reports):
    report = json.loads((reports / "out.json").read_text())
    return [(found["rule"], found["location"]) for found in report["findings"]]


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.thorough)])
def test_a_check_killed_at_any_moment_spoils_neither_reports_nor_caches(check, own_home, kills):
    start, reports = check
    began = time.monotonic()
    whole = start()
    code = whole.wait(timeout=120)
    lasting = time.monotonic() - began
    expected = findings(reports)
    assert expected
    assert code == 1
    moments = random.Random(7)
    for _ in range(kills):
        for kind in KINDS:
            Store(own_home / "cache" / kind.name, kind.max_bytes).clean()
        for report in reports.iterdir():
            report.unlink()
        killed = start()
        try:
            killed.wait(timeout=moments.uniform(0.3, 1.0) * lasting)
        except subprocess.TimeoutExpired:
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        for report in (report for report in reports.iterdir() if report.name in {"out.sarif", "out.json"}):
            json.loads(report.read_text())
        again = start()
        assert again.wait(timeout=120) == code
        assert findings(reports) == expected
