"""What comes in: files, archives and folders, sound and hostile."""

import gzip
import io
import json
import os
import struct
import zipfile

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.advisories import reading
from theodore_plugin.advisories.reading import texts


@pytest.fixture
def records(record):
    return [record(f"demo-{number}", ["1.0"], id=f"PYSEC-{number}") for number in range(3)]


@pytest.fixture
def write_zip(tmp_path):
    def write(members, name="all.zip", compression=zipfile.ZIP_DEFLATED):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", compression) as archive:
            for member, text in members.items():
                archive.writestr(member, text)
        return path

    return write


@pytest.fixture(params=["jsonl", "gz", "zip", "folder", "jsonl called zip.txt", "gzip called jsonl"])
def snapshot(request, tmp_path, records, write_zip):
    """The same three records in every form."""
    lines = "".join(json.dumps(each) + "\n" for each in records).encode()
    documents = {f"{each['id']}.json": json.dumps(each, indent=1) for each in records}
    if request.param == "zip":
        return write_zip(documents)
    if request.param == "folder":
        for name, text in documents.items():
            path = tmp_path / "advisories" / name[6] / name
            path.parent.mkdir(parents=True)
            path.write_text(text)
        return tmp_path / "advisories"
    names = {"jsonl": "a.jsonl", "gz": "a.jsonl.gz", "jsonl called zip.txt": "zip.txt", "gzip called jsonl": "b.jsonl"}
    path = tmp_path / names[request.param]
    path.write_bytes(gzip.compress(lines, mtime=0) if "gz" in request.param else lines)
    return path


def test_every_form_holds_the_same_records_and_has_the_same_digest(snapshot, records, imported, write_jsonl):
    assert [json.loads(text.data) for text in texts(snapshot)] == records
    _, about = imported(snapshot)
    _, reversed_ = imported(write_jsonl(*reversed(records)), allow_older=True)
    assert (about.records, about.digest) == (3, reversed_.digest)


def test_empty_lines_count_as_lines_and_not_as_records(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n{}\n  \n[]")
    assert [text.place for text in texts(path)] == [f"{path}:2", f"{path}:4"]


def test_a_folder_is_read_in_order_without_hidden_folders_and_other_files(tmp_path):
    for name in ("b/1.json", "a/2.json", "README.md", ".git/3.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
    assert [text.place for text in texts(tmp_path)] == [str(tmp_path / "a/2.json"), str(tmp_path / "b/1.json")]


def test_an_endless_line_is_cut_and_the_next_line_keeps_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_RECORD_BYTES", 100)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"x" * 1000 + b"\n{}\n")
    assert [(text.place, len(text.data)) for text in texts(path)] == [(f"{path}:1", 101), (f"{path}:2", 3)]


def refusal(path):
    with pytest.raises(ConfigurationProblem) as refused:
        list(texts(path))
    assert refused.value.help
    return refused.value.message


def test_what_is_not_there_is_the_users_mistake(tmp_path):
    assert "no such advisory snapshot" in refusal(tmp_path / "gone.jsonl")


@pytest.mark.parametrize("cut", [5, 30, 60])
def test_a_cut_gzip_file_is_refused(tmp_path, cut):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(os.urandom(200), mtime=0)[:-cut])
    assert "not a complete gzip file" in refusal(path)


def test_text_called_gz_is_refused(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b"{}\n")
    assert "not a complete gzip file" in refusal(path)


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_a_cut_archive_is_refused(write_zip, keep):
    path = write_zip({f"{number}.json": "{}" * 50 for number in range(20)})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    assert "not a sound zip archive" in refusal(path)


def test_damage_inside_an_archive_is_refused(write_zip):
    path = write_zip({"A.json": os.urandom(2000).hex()})
    data = bytearray(path.read_bytes())
    data[200:210] = bytes(10)
    path.write_bytes(data)
    assert "not a sound zip archive" in refusal(path)


@pytest.mark.parametrize("name", ["../A.json", "/A.json", "a/../../A.json", "a\\..\\A.json", "A.json.exe", "setup.py"])
def test_a_member_that_has_no_place_in_a_snapshot_is_refused_by_name(write_zip, name, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    path = write_zip({name: "{}"})
    assert "no member of an OSV archive" in refusal(path)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, path])


def test_an_encrypted_member_is_refused(write_zip):
    path = write_zip({"A.json": "{}"})
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    path.write_bytes(data)
    assert "encrypted" in refusal(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_a_compression_no_snapshot_has_is_refused(write_zip, compression):
    assert "unusual" in refusal(write_zip({"A.json": "{}"}, compression=compression))


def test_a_bomb_of_one_record_is_read_no_further_than_its_bound(write_zip, monkeypatch):
    monkeypatch.setattr(reading, "MAX_RECORD_BYTES", 1000)
    path = write_zip({"A.json": b" " * 10_000_000})
    assert [len(text.data) for text in texts(path)] == [1001]


def test_a_bomb_of_many_records_is_refused(write_zip, monkeypatch):
    monkeypatch.setattr(reading, "MAX_TOTAL_BYTES", 10_000)
    path = write_zip({f"{number}.json": b" " * 1000 for number in range(20)})
    assert "holds more than" in refusal(path)


def test_a_bomb_of_gzip_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_TOTAL_BYTES", 10_000)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress((b"1" * 99 + b"\n") * 1000, mtime=0))
    assert "holds more than" in refusal(path)


def test_more_texts_than_there_can_be_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_RECORDS", 10)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"1\n" * 11)
    assert "10 records" in refusal(path)


def test_an_archive_whose_list_of_members_would_fill_the_memory_is_refused_unread(tmp_path):
    path = tmp_path / "all.zip"
    path.write_bytes(b"PK" + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 65535, 65535, 2**31, 0, 0))
    assert "lists more members" in refusal(path)


@pytest.mark.parametrize("where", ["itself", "inside a folder"])
def test_a_pipe_is_refused_and_never_waited_for(tmp_path, where):
    folder = tmp_path / "folder"
    folder.mkdir()
    pipe = folder / "a.json"
    os.mkfifo(pipe)
    assert "not a regular file" in refusal(pipe if where == "itself" else folder)


def test_a_file_is_called_what_its_source_is_called(tmp_path):
    path = tmp_path / ".draft.zip"
    path.write_bytes(b"PK")
    with pytest.raises(ConfigurationProblem, match=r"https://example\.org/all\.zip: not a sound zip"):
        list(texts(path, "https://example.org/all.zip"))


def test_random_bytes_never_do_worse_than_be_refused(tmp_path):
    import random

    numbers = random.Random(7)
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("A.json", "{}" * 100)
        sound = {".zip": buffer.getvalue(), ".gz": gzip.compress(b"{}\n" * 100, mtime=0)}
    for suffix, data in sound.items():
        for number in range(200):
            damaged = bytearray(data)
            for _ in range(1 + number % 5):
                damaged[numbers.randrange(len(damaged))] = numbers.randrange(256)
            path = tmp_path / f"a{suffix}"
            path.write_bytes(damaged)
            try:
                list(texts(path))
            except ConfigurationProblem:
                continue
