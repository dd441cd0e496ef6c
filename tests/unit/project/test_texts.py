"""The text of a project besides its Python source: what counts as text, the bounds, and what is left out."""

import pytest

from theodore_plugin.project import PluginProject, texts
from theodore_plugin.project.texts import TOO_MANY, UNREADABLE, decoded, texts_of

PYPROJECT = b'[project]\nname = "demo"\nversion = "1.0"\n'


def project(**files):
    return PluginProject.from_files({"pyproject.toml": PYPROJECT, "src/demo/__init__.py": b"", **files})


def test_everything_that_is_text_is_kept_shipped_or_beside():
    found = project(**{"src/demo/a.json": b"{}", "README.md": b"hi", "tests/test_a.py": b"", "src/demo/b.png": b"\0"})
    assert [(text.path, text.shipped) for text in found.texts] == [
        ("README.md", False),
        ("pyproject.toml", False),
        ("src/demo/a.json", True),
        ("tests/test_a.py", False),
    ]
    assert [(entry.path, entry.reason) for entry in found.not_texts] == [("src/demo/b.png", "not text")]


def test_no_file_is_in_two_places_and_none_is_lost(tmp_path):
    for path in ("pyproject.toml", "src/demo/__init__.py", "src/demo/a.bin", "b.txt", ".git/config", ".venv/x.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(PYPROJECT if path == "pyproject.toml" else b"\0" if path.endswith("bin") else b"")
    found = PluginProject.open(tmp_path)
    seen = [*(file.path for file in found.files), *(text.path for text in found.texts)]
    assert sorted([*seen, *(entry.path for entry in found.not_texts)]) == [
        "b.txt",
        "pyproject.toml",
        "src/demo/__init__.py",
        "src/demo/a.bin",
    ]


def test_a_link_out_of_the_project_is_not_followed(tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_text("elsewhere")
    root = tmp_path / "project"
    (root / "src" / "demo").mkdir(parents=True)
    (root / "src" / "demo" / "__init__.py").write_text("")
    (root / "link.txt").symlink_to(outside)
    assert [text.path for text in PluginProject.open(root).texts] == []


def test_the_bounds_hold_and_what_is_beyond_them_is_not_even_read(monkeypatch):
    monkeypatch.setattr(texts, "MAX_TEXTS", 2)
    read = []
    contents = {f"{number}.txt": b"x" for number in range(4)}
    kept, left_out = texts_of(contents, lambda path: read.append(path) or contents[path], {})
    assert ([text.path for text in kept], read) == (["0.txt", "1.txt"], ["0.txt", "1.txt"])
    assert [(entry.path, entry.reason) for entry in left_out] == [("2.txt", TOO_MANY), ("3.txt", TOO_MANY)]


def test_large_files_and_files_that_cannot_be_read_say_so():
    contents = {"large.csv": b"1" * (texts.MAX_TEXT_BYTES + 1)}
    kept, left_out = texts_of(["gone.txt", "large.csv"], contents.get, {})
    assert kept == ()
    assert [(entry.path, entry.reason) for entry in left_out] == [
        ("gone.txt", UNREADABLE),
        ("large.csv", "larger than 512 KiB"),
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("grün".encode(), "grün"),
        ("grün".encode("utf-16"), "grün"),
        ("\ufeffgrün".encode("utf-16-be"), "grün"),
        (b"caf\xe9", "caf\ufffd"),
        ("grün".encode("utf-16")[:-1], "grü\ufffd"),
        (b"", ""),
    ],
    ids=["utf-8", "utf-16", "big endian", "latin-1", "cut short", "empty"],
)
def test_texts_are_decoded_by_their_byte_order_mark(data, text):
    assert decoded(data) == text


def test_a_text_has_the_digest_of_its_bytes():
    (text,) = [one for one in project(**{"a.txt": b"abc"}).texts if one.path == "a.txt"]
    assert text.digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
