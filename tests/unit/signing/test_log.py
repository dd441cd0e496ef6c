"""The log on disk: what it survives, and what it refuses to go on from."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.signing.local.audit import LogInvalidError, audit
from theodore_plugin.signing.local.instance import LocalInstance, open_instance, open_or_create
from theodore_plugin.signing.local.merkle import leaf_hash, verify_consistency
from theodore_plugin.signing.local.service import RejectedError


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, signed_entry) -> LocalInstance:
    instance = open_or_create("default", tmp_path_factory.mktemp("template"))
    for number in range(5):
        instance.service().log_entry_v2(signed_entry(instance, str(number).encode()))
    return instance


@pytest.fixture
def used(template: LocalInstance, tmp_path: Path) -> LocalInstance:
    """An instance with five version 2 entries and the certificates they were signed with."""
    shutil.copytree(template.folder, tmp_path / "used")
    return open_instance(tmp_path / "used")


def without_last(tree: str) -> tuple[str, str]:
    """Cut the sixth entry, and every hash that follows from it."""
    return (
        f"DELETE FROM entry WHERE tree = '{tree}' AND position = 5",
        f"DELETE FROM node WHERE tree = '{tree}' AND (level = 0 AND position = 5 OR level = 1 AND position = 2)",
    )


def drop_last_line(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.read_bytes().rstrip(b"\n").rindex(b"\n")])


def sql(instance: LocalInstance, *statements: str) -> None:
    with closing(sqlite3.connect(instance.folder / "log.sqlite3")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_an_untouched_log_holds_and_says_what_it_holds(used: LocalInstance) -> None:
    rekor, rekor2, ct = audit(used)
    assert (rekor.head.size, rekor2.head.size, ct.head.size) == (0, 5, 5)
    assert (rekor.checkpoints, rekor2.checkpoints, ct.checkpoints) == (0, 5, 5)
    assert len({rekor.origin, rekor2.origin, ct.origin}) == 3


def test_entries_are_found_again_and_proven_to_be_in_every_later_tree(used: LocalInstance) -> None:
    log = used.log
    body = log.bodies("rekor2")[2]
    assert log.find("rekor2", leaf_hash(body)) == 2
    assert log.entry("rekor2", 2).body == body
    assert log.find("rekor2", bytes(32)) is None
    assert len(log.inclusion("rekor2", 2, 5)) == 3
    for old in range(1, 6):
        heads = log.head_at("rekor2", old), log.head_at("rekor2", 5)
        proof = log.consistency("rekor2", old, 5)
        assert verify_consistency(old, 5, heads[0].root, heads[1].root, proof)


@pytest.mark.parametrize(
    "ask", [("inclusion", 5, 5), ("inclusion", 0, 6), ("consistency", 0, 5), ("consistency", 5, 6)]
)
def test_proofs_about_what_was_never_there_are_refused(ask: tuple[str, int, int], used: LocalInstance) -> None:
    question, first, second = ask
    with pytest.raises(IndexError):
        getattr(used.log, question)("rekor2", first, second)
    with pytest.raises(IndexError):
        used.log.head_at("rekor2", 6)
    with pytest.raises(IndexError):
        used.log.entry("rekor2", 5)
    with pytest.raises(RejectedError):
        used.service().consistency(1, 1)


CUT = (
    "DELETE FROM entry WHERE tree = 'rekor2' AND position >= 3",
    "DELETE FROM node WHERE tree = 'rekor2' AND ((level = 0 AND position >= 3) OR (level = 1 AND position >= 1)"
    " OR level = 2)",
)
EMPTIED = ("DELETE FROM entry", "DELETE FROM node")
CHANGED_END = ("UPDATE entry SET body = x'7b7d' WHERE tree = 'rekor2' AND position = 4",)
CHANGED_MIDDLE = ("UPDATE entry SET body = x'7b7d' WHERE tree = 'rekor2' AND position = 1",)
CHANGED_HASH = ("UPDATE node SET hash = x'00' WHERE tree = 'rekor2' AND level = 0 AND position = 4",)
GAP = ("DELETE FROM entry WHERE tree = 'rekor2' AND position = 1",)
NO_CERTIFICATES = ("DELETE FROM entry WHERE tree = 'ct'", "DELETE FROM node WHERE tree = 'ct'")


@pytest.mark.parametrize(
    ("tamper", "audited", "appends"),
    [
        (CUT, "was cut", "holds 3 entries, a checkpoint over 5"),
        (EMPTIED, "was cut", "holds 0 entries"),
        (CHANGED_END, "were changed", "entry 4 of 'rekor2' was changed"),
        (CHANGED_MIDDLE, "were changed", None),
        (CHANGED_HASH, "were changed", "has been rewritten"),
        (GAP, "are missing", None),
        (NO_CERTIFICATES, "'ct' was cut", None),
    ],
    ids=["cut", "emptied", "changed-end", "changed-middle", "changed-hash", "gap", "no-certificates"],
)
def test_a_log_that_was_cut_or_changed_is_found_out_and_not_continued(
    tamper: tuple[str, ...], audited: str, appends: str | None, used: LocalInstance, signed_entry
) -> None:
    entry = signed_entry(used, b"next")
    sql(used, *tamper)
    with pytest.raises(LogInvalidError, match=audited):
        audit(used)
    if appends is not None:
        with pytest.raises(ConfigurationProblem, match=appends) as problem:
            used.service().log_entry_v2(entry)
        assert "backup" in problem.value.help


def test_an_older_copy_of_the_log_is_refused_though_it_is_sound_in_itself(used: LocalInstance, signed_entry) -> None:
    copy = used.folder / "copy"
    with closing(sqlite3.connect(used.folder / "log.sqlite3")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(used.folder / "log.sqlite3", copy)
    used.service().log_entry_v2(signed_entry(used, b"after the copy"))
    for path in used.folder.glob("log.sqlite3*"):
        path.unlink()
    copy.rename(used.folder / "log.sqlite3")
    entry = used.service()
    with pytest.raises(ConfigurationProblem, match="does not continue what it promised"):
        signed_entry(used, b"now")
    with pytest.raises(LogInvalidError, match="was cut"):
        audit(used)
    with pytest.raises(ConfigurationProblem, match="does not continue"):
        entry.rekor2.append(b"{}", 1)


def test_a_log_that_was_rewritten_consistently_is_found_out_by_its_checkpoints(
    used: LocalInstance, signed_entry
) -> None:
    entries = [used.log.entry("rekor2", index) for index in (4, 3, 2, 1, 0)]
    sql(used, "DELETE FROM entry WHERE tree = 'rekor2'", "DELETE FROM node WHERE tree = 'rekor2'")
    path = used.folder / "rekor2.checkpoints"
    kept = path.read_bytes()
    path.write_bytes(kept.split(b"\n")[0] + b"\n")
    for entry in entries:
        used.log.append("rekor2", entry.body, entry.time)
    audit(used)
    path.write_bytes(kept)
    with pytest.raises(LogInvalidError, match="was rewritten"):
        audit(used)
    with pytest.raises(ConfigurationProblem, match="has been rewritten"):
        used.log.append("rekor2", b"next", 1)


def test_a_bundle_elsewhere_is_a_witness_against_a_log_rewritten_with_its_checkpoints(
    used: LocalInstance, signed_entry
) -> None:
    answer = used.service().log_entry_v2(signed_entry(used, b"witnessed"))
    bundle = json.dumps({"verificationMaterial": {"tlogEntries": [answer]}}).encode()
    audit(used, [bundle])
    sql(used, *without_last("rekor2"))
    drop_last_line(used.folder / "rekor2.checkpoints")
    audit(used)
    with pytest.raises(LogInvalidError, match="was cut"):
        audit(used, [bundle])


def test_what_is_no_witness_is_said_to_be_none(used: LocalInstance, tmp_path: Path, signed_entry) -> None:
    stranger = open_or_create("stranger", tmp_path)
    answer = stranger.service().log_entry_v2(signed_entry(stranger, b"hello"))
    for text in (b"", b"[]", b"{}", json.dumps({"verificationMaterial": {"tlogEntries": [answer]}}).encode()):
        with pytest.raises(ConfigurationProblem, match="witness"):
            audit(used, [text])


def test_a_signature_whose_certificate_was_never_logged_is_found_out(used: LocalInstance, signed_entry) -> None:
    entry = signed_entry(used, b"hello")
    sql(used, *without_last("ct"))
    drop_last_line(used.folder / "ct.checkpoints")
    used.service().log_entry_v2(entry)
    with pytest.raises(LogInvalidError, match="entry 5 of 'rekor2' is signed with a certificate that was never logged"):
        audit(used)


def test_a_forged_checkpoint_is_found_out(used: LocalInstance, tmp_path: Path) -> None:
    stranger = open_or_create("stranger", tmp_path)
    _, note = stranger.trees.rekor2.append(b"{}", 1)
    used.log.issued["rekor2"].add(note.replace(stranger.trees.rekor2.origin, used.trees.rekor2.origin))
    with pytest.raises(LogInvalidError, match="not by this instance"):
        audit(used)


def test_checkpoints_that_are_gone_or_of_another_log_stop_signing(used: LocalInstance, tmp_path: Path) -> None:
    path = used.folder / "rekor2.checkpoints"
    shutil.copy(open_or_create("stranger", tmp_path).folder / path.name, path)
    with pytest.raises(ConfigurationProblem, match="of another log"):
        used.log.append("rekor2", b"next", 1)
    path.unlink()
    with pytest.raises(ConfigurationProblem, match="is missing"):
        used.log.append("rekor2", b"next", 1)
    assert used.log.head("rekor2").size == 5


def test_a_line_torn_by_a_power_cut_is_passed_over(used: LocalInstance, signed_entry) -> None:
    path = used.folder / "rekor2.checkpoints"
    with path.open("ab") as file:
        file.write(b'\n"log2-half a no')
    used.service().log_entry_v2(signed_entry(used, b"next"))
    assert [(one.checkpoints, one.torn) for one in audit(used) if one.name == "rekor2"] == [(6, 1)]


def test_a_full_disk_while_promising_leaves_a_valid_log(used: LocalInstance, signed_entry, monkeypatch) -> None:
    entry = signed_entry(used, b"next")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: len(data) // 2)
        with pytest.raises(OSError, match="No space left") as problem:
            used.service().log_entry_v2(entry)
    assert problem.value.filename.endswith("rekor2.checkpoints")
    audit(used)
    used.service().log_entry_v2(entry)
    assert audit(used)[1].head.size == 7


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 400], ids=["emptied", "overwritten"])
def test_a_file_that_is_no_log_is_an_error_and_not_an_empty_log(damage: bytes, used: LocalInstance) -> None:
    for path in used.folder.glob("log.sqlite3-*"):
        path.unlink()
    (used.folder / "log.sqlite3").write_bytes(damage)
    with pytest.raises(ConfigurationProblem, match="cannot be used"):
        used.log.append("rekor2", b"next", 1)


APPENDS = """
import sys
from pathlib import Path
from theodore_plugin.signing.local.instance import open_instance
instance = open_instance(Path(sys.argv[1]))
while True:
    appended, _ = instance.trees.ct.append(b"entry", 1)
    print(appended.index, flush=True)
"""


def test_processes_killed_in_the_middle_of_appending_leave_a_valid_log(fresh: LocalInstance) -> None:
    command = [sys.executable, "-c", APPENDS, str(fresh.folder)]
    promised = 0
    for _ in range(2):
        running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
        for process in running:
            assert process.stdout is not None
            promised = max(promised, *(int(process.stdout.readline()) for _ in range(4)))
        for process in running:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert audit(fresh)[2].head.size > promised
    fresh.trees.ct.append(b"after", 1)
    audit(fresh)


FILLS_UP = """
import resource, signal, sys
from pathlib import Path
from theodore_plugin.signing.local.instance import open_instance
folder = Path(sys.argv[1])
instance = open_instance(folder)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file may not grow beyond this: as on a full disk, writing fails
limit = max(path.stat().st_size for path in folder.iterdir()) + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    while True:
        instance.trees.ct.append(bytes(2000), 1)
except Exception as problem:
    print(type(problem).__name__, problem)
"""


@pytest.mark.parametrize("room", [0, 5000, 30_000])
def test_a_disk_that_fills_up_is_named_and_leaves_a_log_that_goes_on(room: int, used: LocalInstance) -> None:
    command = [sys.executable, "-c", FILLS_UP, str(used.folder), str(room)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.stdout.startswith(("ConfigurationProblem", "OSError")), ended.stderr
    assert str(used.folder) in ended.stdout
    before = audit(used)[2].head.size
    used.trees.ct.append(b"there is room again", 1)
    assert audit(used)[2].head.size == before + 1


def test_threads_that_append_at_once_get_places_of_their_own(fresh: LocalInstance) -> None:
    with ThreadPoolExecutor(6) as pool:
        places = list(pool.map(lambda number: fresh.trees.ct.append(b"%d" % number, 1)[0], range(30)))
    assert sorted(place.index for place in places) == list(range(30))
    audit(fresh)


Expose = Callable[[Path], object]


@pytest.mark.parametrize(
    "expose",
    [
        lambda folder: folder.chmod(0o755),
        lambda folder: folder.chmod(0o710),
        lambda folder: (folder / "log2.key").chmod(0o640),
        lambda folder: (folder / "timestamp.key").chmod(0o604),
    ],
    ids=["folder", "folder-of-group", "key-of-group", "key-of-all"],
)
def test_exposed_keys_are_not_used(expose: Expose, fresh: LocalInstance) -> None:
    expose(fresh.folder)
    with pytest.raises(ConfigurationProblem, match="can be read by other users"):
        open_instance(fresh.folder)
