"""Records, snapshot files and databases made of them.

``OSV_SNAPSHOT=FILE`` names a real snapshot of PyPI for the tests that want one.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from theodore_plugin.advisories.build import Origin
from theodore_plugin.advisories.database import Database
from theodore_plugin.advisories.snapshot import import_file

NOW = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """The database and the cache are the test's own."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(home))
    return home


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def sample():
    """Five real records."""
    return Path(__file__).parents[2] / "data" / "advisories.jsonl"


@pytest.fixture
def real_snapshot():
    """All of PyPI's advisories, where somebody says where they are."""
    path = Path(os.environ.get("OSV_SNAPSHOT", ""))
    if not path.is_file():
        pytest.skip("OSV_SNAPSHOT names no snapshot")
    return path


@pytest.fixture
def record():
    """An OSV record; fields given replace its own."""

    def make(name="demo", versions=(), events=(), **more):
        affected = {
            "package": {"ecosystem": "PyPI", "name": name},
            "versions": list(versions),
            "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
        }
        return {"id": "PYSEC-1", "modified": "2024-01-01T00:00:00Z", "affected": [affected], **more}

    return make


@pytest.fixture
def write_jsonl(tmp_path):
    """Write records as a snapshot file."""

    def write(*records, name="records.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(each) + "\n" for each in records))
        return path

    return write


@pytest.fixture
def imported(tmp_path):
    """Import a file into a database of its own and return the path of that and what it says of itself."""

    def run(source, target=None, *, allow_older=False, etag=""):
        path = target or tmp_path / "home" / "advisories.sqlite"
        about = import_file(source, path, Origin(source.name, NOW, etag), allow_older=allow_older)
        return path, about

    return run


@pytest.fixture
def database_of(write_jsonl, imported):
    """Open a database of these records."""
    opened = []

    def make(*records):
        path, _ = imported(write_jsonl(*records))
        opened.append(Database(path))
        return opened[-1]

    yield make
    for database in opened:
        database.close()
