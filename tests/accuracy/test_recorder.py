"""The recorder, end to end over a package whose every act is known."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from recording.events import Act, act_of
from recording.frames import Attribution, Kind, Place, function_name
from recording.noise import Folders, is_noise
from scoring.record import read_labels, record, write_labels

EXPECTED = {
    ("observed", "environment", "read", "import", ""),
    ("observed.work", "environment", "read", "import", "lender"),
    ("observed.work:fetch", "network", "connect", "call", ""),
    ("observed.work:connect", "network", "connect", "call", ""),
    ("observed.work:start", "subprocess", "run", "call", ""),
    ("observed.work:compute", "dynamic_code", "execute", "call", ""),
    ("observed.work:choose", "dynamic_code", "import", "call", ""),
    ("observed.work:keep", "filesystem", "write", "call", ""),
    ("observed.work:borrow", "filesystem", "read", "call", "lender"),
    ("observed.work:pool", "filesystem", "read", "call", ""),
    ("observed.work:Reader.home", "environment", "read", "call", ""),
}


@pytest.fixture(scope="module")
def facts(observed_site: Path, drive: Path) -> list[dict[str, Any]]:
    return record("observed", "observed", observed_site, drive)


def test_every_act_is_recorded_once_with_function_phase_and_dependency_and_nothing_else(
    facts: list[dict[str, Any]],
) -> None:
    seen = [(fact["function"], fact["permission"], fact["access"], fact["phase"], fact["through"]) for fact in facts]
    assert set(seen) == EXPECTED
    assert len(seen) == len(set(seen))


def test_values_name_hosts_and_folders_but_never_this_machine(facts: list[dict[str, Any]], tmp_path: Path) -> None:
    values = {fact["function"]: fact["value"] for fact in facts}
    assert values["observed.work:connect"] == "observed.example.org:443"
    assert values["observed.work:keep"] == "{work}/kept.txt"
    assert str(tmp_path.parent.parent) not in str(facts)


def test_a_script_that_never_ends_leaves_what_was_seen_until_then(
    observed_site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "endless.py"
    script.write_text("from observed import work\nwork.start()\nwhile True:\n    pass\n")
    monkeypatch.setattr("scoring.record.SECONDS", 1)
    functions = {fact["function"] for fact in record("observed", "observed", observed_site, script)}
    assert "observed.work:start" in functions


def test_replacing_the_process_is_recorded_and_refused(observed_site: Path, tmp_path: Path) -> None:
    script = tmp_path / "replace.py"
    script.write_text(
        "import functools, os\nfrom observed import work\n"
        "work.lender.lend = functools.partial(os.execv, '/bin/true')\nwork.borrow(['true'])\n"
    )
    facts = record("observed", "observed", observed_site, script)
    assert ("observed.work:borrow", "subprocess") in {(fact["function"], fact["permission"]) for fact in facts}


def test_what_a_test_puts_in_a_dependencys_place_does_is_not_the_packages_act(
    observed_site: Path, tmp_path: Path
) -> None:
    script = tmp_path / "substitute.py"
    script.write_text(
        "import os\nfrom observed import work\nwork.lender.lend = lambda path: os.listdir(path)\nwork.borrow('.')\n"
    )
    facts = record("observed", "observed", observed_site, script)
    assert "observed.work:borrow" not in {fact["function"] for fact in facts}


@pytest.mark.parametrize(
    ("event", "arguments", "expected"),
    [
        ("open", ("a", "r", 0), Act("filesystem", "read", "a")),
        ("open", ("a", "r+", 0), Act("filesystem", "write", "a")),
        ("open", (b"a", None, 0o101), Act("filesystem", "write", "a")),
        ("open", (3, "w", 0), None),
        ("sqlite3.connect", (":memory:",), None),
        ("sqlite3.connect", ("file:a.db",), Act("filesystem", "write", "a.db")),
        ("subprocess.Popen", (None, ["git", "status"], None, None), Act("subprocess", "run", "git")),
        ("subprocess.Popen", (None, "git status", None, None), Act("subprocess", "run", "git status")),
        ("socket.getaddrinfo", ("e.org", 443, 0, 0, 0), Act("network", "connect", "e.org:443")),
        ("socket.getaddrinfo", (None, 0, 0, 0, 0), None),
        ("socket.bind", (None, ("::1", 0)), Act("network", "listen", "::1:0")),
        ("os.listdir", (None,), Act("filesystem", "read", ".")),
        ("sys._getframe", (None,), None),
    ],
)
def test_an_event_says_one_thing(event: str, arguments: tuple[Any, ...], expected: Act | None) -> None:
    assert act_of(event, arguments) == expected


def _who(kind: Kind, path: str, function: str = "f") -> Attribution:
    return Attribution("observed:f", "call", "", Place(kind, path), function)


@pytest.mark.parametrize(
    ("act", "who", "noise"),
    [
        (Act("filesystem", "read", "{site}/lender/data.txt"), _who(Kind.OWN, "observed/a.py"), True),
        (Act("filesystem", "write", "{site}/lender/data.txt"), _who(Kind.OWN, "observed/a.py"), False),
        (Act("filesystem", "read", "/etc/hosts"), _who(Kind.OWN, "observed/a.py"), False),
        (Act("filesystem", "read", "/a.py"), _who(Kind.STANDARD, "linecache.py"), True),
        (Act("dynamic_code", "execute", ""), _who(Kind.STANDARD, "dataclasses.py"), True),
        (Act("dynamic_code", "execute", ""), _who(Kind.STANDARD, "runpy.py"), False),
        (Act("dynamic_code", "execute", ""), _who(Kind.DEPENDENCY, "jinja2/environment.py"), False),
        (Act("environment", "read", "TMPDIR"), _who(Kind.STANDARD, "tempfile.py"), True),
        (Act("environment", "read", "A"), _who(Kind.STANDARD, "posixpath.py", "expandvars"), False),
        (Act("environment", "write", "A"), _who(Kind.STANDARD, "os.py"), False),
        (Act("native", "load", ""), _who(Kind.STANDARD, "ctypes/__init__.py"), True),
        (Act("native", "load", "libc.so.6"), _who(Kind.OWN, "observed/a.py"), False),
    ],
)
def test_noise_is_what_the_interpreter_does_for_itself(act: Act, who: Attribution, noise: bool) -> None:
    assert is_noise(act, who) is noise


def test_names_that_tempfile_makes_up_do_not_reach_a_label() -> None:
    assert Folders({"/w": "{work}"}).labelled("/w/tmpab12_xyz/a.txt") == "{work}/tmp*/a.txt"


@pytest.mark.parametrize(
    ("path", "qualified", "expected"),
    [
        ("a/b.py", "<module>", "a.b"),
        ("a/__init__.py", "C.m.<locals>.<lambda>", "a:C.m"),
        ("a.py", "f.<locals>.g.<locals>.<listcomp>", "a:f.g"),
    ],
)
def test_functions_are_named_by_the_definition_around_them(path: str, qualified: str, expected: str) -> None:
    code = SimpleNamespace(co_qualname=qualified)
    assert function_name(path, code) == expected  # type: ignore[arg-type]


def test_labels_survive_the_file_sorted_and_once(tmp_path: Path) -> None:
    labels = [{"package": "b"}, {"package": "a"}, {"package": "b"}]
    write_labels(tmp_path / "l.jsonl", labels)
    assert read_labels(tmp_path / "l.jsonl") == [{"package": "a"}, {"package": "b"}]
    assert read_labels(tmp_path / "none.jsonl") == []
