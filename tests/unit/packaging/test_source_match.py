"""Whether a wheel is what its sources make, for folders and commits, with and without being able to build."""

from __future__ import annotations

import os
import subprocess
import zlib
from pathlib import Path

import pytest

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_plugin.packaging.build import build_wheel
from theodore_plugin.packaging.facts import BuildRequirement
from theodore_plugin.packaging.git_objects import Repository
from theodore_plugin.packaging.normalise import normalise, write_wheel
from theodore_plugin.packaging.source_files import SourceFiles, first_unexplained
from theodore_plugin.packaging.source_match import match
from theodore_plugin.packaging.sources import GitRef, opened, parse_source
from theodore_plugin.project import PluginProject

EPOCH = 1_700_000_000
FLIT = {
    'requires = ["hatchling"]\nbuild-backend = "hatchling.build"': 'requires = ["flit-core"]\n'
    'build-backend = "flit_core.buildapi"'
}
INIT = "src/acme_hello/__init__.py"
FILES = {INIT: "GREETING = 'hello'\n\n\ndef greet():\n    return GREETING\n", "LICENSE": "free\n"}


def git(root: Path, *arguments: str) -> str:
    moment = {"GIT_AUTHOR_DATE": f"{EPOCH} +0000", "GIT_COMMITTER_DATE": f"{EPOCH} +0000"}
    argv = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    return subprocess.run(
        argv, cwd=root, env={**os.environ, **moment}, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def committed(project_dir) -> Path:
    """A project of which one commit is tagged, and whose working tree has moved on."""
    root = project_dir(FLIT, FILES)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    git(root, "tag", "v1.2.0")
    return root


def edited(wheel: Wheel, changes: dict[str, bytes | None]) -> Wheel:
    """The wheel with other files in it, its RECORD made to fit."""
    entries = {name: content for name, content in ({**wheel.entries, **changes}).items() if content is not None}
    return Wheel.read(write_wheel(entries, wheel.dist_info, epoch=EPOCH), wheel.filename)


WHEELS: list[Wheel] = []


@pytest.fixture
def wheel(committed, offline) -> Wheel:
    """The wheel of that project; it does not depend on the folder, so one build serves all tests."""
    if not WHEELS:
        built = build_wheel(PluginProject.open(committed), epoch=EPOCH)
        WHEELS.append(normalise(built.data, built.filename, {}, epoch=EPOCH))
    return WHEELS[0]


def test_the_commit_makes_the_same_digest_and_the_changed_tree_names_the_line(committed, wheel, offline):
    (committed / INIT).write_text(FILES[INIT].replace("return GREETING", "return 'bye'"))
    found = match(wheel, GitRef(committed, "v1.2.0"))
    assert (found.kind, found.why_compared, found.first_difference) == ("rebuilt", "", None)
    assert found.commit == git(committed, "rev-parse", "HEAD").strip()
    assert [item.name for item in found.build.requirements] == ["flit-core"]
    assert len(found.build.requirements[0].sha256) == 64
    found.refuse()
    now = match(wheel, committed)
    assert (now.kind, now.first_difference.place, now.commit) == ("different", "acme_hello/__init__.py:5", None)
    with pytest.raises(Refused, match=r"acme_hello/__init__\.py:5") as caught:
        now.refuse()
    assert caught.value.rule == "source-artifact-mismatch"


def test_without_a_backend_files_are_compared_one_by_one(committed, wheel, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", str(committed / "nothing"))
    honest = match(wheel, committed)
    assert (honest.kind, honest.build, honest.first_difference) == ("compared", None, None)
    assert "cannot be built again" in honest.why_compared
    changed = match(edited(wheel, {"acme_hello/__init__.py": b"GREETING = 'hullo'\n"}), committed)
    assert (changed.kind, changed.first_difference.place) == ("different", "acme_hello/__init__.py:1")


METADATA = b"Metadata-Version: 2.4\nName: acme-hello\nVersion: 1.2.0\nRequires-Python: >=3.11\n"


@pytest.mark.parametrize(
    ("changes", "entry", "words"),
    [
        ({"acme_hello/extra.py": b"import os\n"}, "acme_hello/extra.py", "not in the sources"),
        ({"acme_hello/a/__init__.py": b"GREETING = 1\n"}, "acme_hello/a/__init__.py", "not in the sources"),
        ({"{}/extra.txt": b"x"}, "{}/extra.txt", "not in the sources"),
        ({"{}/entry_points.txt": b"[pytest11]\nx = acme_hello\n"}, "{}/entry_points.txt", "entry-points is"),
        ({"{}/METADATA": METADATA + b"Requires-Dist: evil\n"}, "{}/METADATA", "dependencies is ['evil'] in the wheel"),
        ({"{}/METADATA": METADATA.replace(b">=3.11", b">=3.12")}, "{}/METADATA", "requires-python"),
        ({}, None, ""),
    ],
    ids=["added", "deeper", "metadata-added", "registered", "dependency", "python", "honest"],
)
def test_every_file_of_the_wheel_needs_an_explanation(committed, wheel, changes, entry, words):
    files = SourceFiles.of(PluginProject.open(committed), committed)
    other = edited(wheel, {name.format(wheel.dist_info): content for name, content in changes.items()})
    found = first_unexplained(other, files, None, {})
    assert (found and found.entry) == (entry and entry.format(wheel.dist_info))
    assert found is None or words in found.message


@pytest.mark.parametrize(
    ("configured", "programs", "found"),
    [
        ("", (), "acme_hello/checks/__init__.py"),
        ("[tool.ruff]\nexclude = ['tests']\n", (), "acme_hello/checks/__init__.py"),
        ("[tool.hatch.build]\nexclude = ['checks']\n", (), None),
        ("[tool.setuptools.packages.find]\nwhere = ['src']\n", (), None),
        ("[tool.uv.build-backend]\nsource-exclude = ['x']\n", (), None),
        ("", ("setup.py",), None),
    ],
)
def test_a_module_the_wheel_lacks_is_a_difference_unless_something_may_leave_it_out(
    committed, wheel, configured, programs, found
):
    for name in ("checks/__init__.py", "checks/limits.py", "data.txt", "__pycache__/old.py"):
        (committed / "src/acme_hello" / name).parent.mkdir(exist_ok=True)
        (committed / "src/acme_hello" / name).write_text("LIMIT = 1\n")
    (committed / "tests").mkdir()
    (committed / "tests/test_hello.py").write_text("")
    pyproject = committed / "pyproject.toml"
    pyproject.write_text(f"{pyproject.read_text()}\n{configured}")
    for name in programs:
        (committed / name).write_text("")
    files = SourceFiles.of(PluginProject.open(committed), committed)
    difference = first_unexplained(wheel, files, None, {})
    assert (difference and (difference.reason, difference.entry)) == (found and ("missing", found))


def test_another_version_of_the_backend_is_no_difference_and_a_missing_file_is(committed, wheel, offline):
    name = f"{wheel.dist_info}/WHEEL"
    older = edited(wheel, {name: wheel.entries[name].replace(b"Generator: flit", b"Generator: flit 1.0; was")})
    found = match(older, committed)
    assert (found.kind, found.why_compared) == ("compared", "built again, it has another digest")
    licence = next(name for name in wheel.entries if name.endswith("LICENSE"))
    assert match(edited(wheel, {licence: None}), committed).first_difference.reason == "missing"


def test_another_archive_of_the_same_files_is_compared_and_says_why(committed, wheel, offline):
    later = Wheel.read(write_wheel(wheel.entries, wheel.dist_info, epoch=EPOCH + 60), wheel.filename)
    found = match(later, GitRef(committed, "HEAD"))
    assert found.kind == "rebuilt"  # the time is the packager's to choose, and it was told
    crooked = later.data.replace((0o100644 << 16).to_bytes(4, "little"), (0o100600 << 16).to_bytes(4, "little"))
    found = match(Wheel.read(crooked, wheel.filename), committed)
    assert found.kind == "compared"
    assert "mode 0600 and 0644" in found.why_compared


def test_stated_build_requirements_that_nobody_has_leave_the_comparison(committed, wheel, offline):
    gone = BuildRequirement("flit-core", "3.9.0", "0" * 64, "flit_core-3.9.0-py3-none-any.whl")
    found = match(wheel, committed, requirements=[gone])
    assert (found.kind, found.first_difference) == ("compared", None)
    assert "recorded build requirements" in found.why_compared


# --- repositories that want to run something


def test_a_hostile_repository_runs_nothing_and_changes_no_byte(committed, tmp_path):
    ran = tmp_path / "ran"
    (committed / ".gitattributes").write_text(
        "*.py filter=evil ident export-subst\nLICENSE export-ignore\n*.txt text eol=crlf\n"
    )
    (committed / "a.txt").write_bytes(b"$Format:%H$ $Id$\n")
    git(committed, "add", ".")
    git(committed, "commit", "-q", "-m", "attributes")
    for key in (
        "filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "core.fsmonitor", "core.sshCommand",
        "core.pager", "core.alternateRefsCommand", "gpg.program", "diff.external", "core.gitProxy",
    ):  # fmt: skip
        git(committed, "config", key, f"touch {ran}")
    git(committed, "config", "extensions.partialClone", "origin")
    git(committed, "config", "remote.origin.url", f"ext::sh -c 'touch {ran}'")
    for hook in ("post-checkout", "reference-transaction", "pre-auto-gc"):
        (committed / ".git/hooks" / hook).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (committed / ".git/hooks" / hook).chmod(0o755)
    with opened(GitRef(committed, "HEAD")) as tree:
        assert (tree.root / INIT).read_text() == FILES[INIT]
        assert (tree.root / "LICENSE").read_text() == "free\n"
        assert (tree.root / "a.txt").read_bytes() == b"$Format:%H$ $Id$\n"
        assert not (tree.root / ".git").exists()
    assert not ran.exists()


def test_a_replacement_object_does_not_stand_in_for_the_commit(committed):
    first = git(committed, "rev-parse", "HEAD").strip()
    (committed / INIT).write_text("EVIL = 1\n")
    git(committed, "commit", "-q", "-a", "-m", "second")
    git(committed, "replace", first, "HEAD")
    with opened(GitRef(committed, "v1.2.0")) as tree:
        assert tree.commit == first
        assert (tree.root / INIT).read_text() == FILES[INIT]


def test_links_and_submodules_are_left_out_and_a_missing_object_is_said(committed, tmp_path):
    (committed / "link").symlink_to("/etc/passwd")
    git(committed, "add", "link")
    git(committed, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    git(committed, "commit", "-q", "-m", "more")
    with opened(GitRef(committed, "HEAD")) as tree:
        assert not os.path.lexists(tree.root / "link")
        assert not (tree.root / "module").exists()
    blob = git(committed, "rev-parse", f"HEAD:{INIT}").strip()
    (committed / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(ConfigurationProblem, match="lacks the blob"), opened(GitRef(committed, "HEAD")):
        pass


@pytest.mark.parametrize("kind", ["blob", "tree", "commit"])
@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_an_object_that_is_not_what_its_name_says_is_refused(project_dir, kind, algorithm):
    """Whoever prepares a repository can put other bytes under any name; git prints them all the same."""
    root = project_dir(FLIT, FILES)
    git(root, "init", "-q", f"--object-format={algorithm}")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    name = git(root, "rev-parse", {"blob": f"HEAD:{INIT}", "tree": "HEAD:src", "commit": "HEAD"}[kind]).strip()
    path = root / ".git/objects" / name[:2] / name[2:]
    content = zlib.decompress(path.read_bytes())
    other = content.replace(b"hello", b"hullo").replace(b"first", b"other")
    assert other != content
    path.chmod(0o644)
    path.write_bytes(zlib.compress(other))
    words = r"is not what its name says|names no commit"  # git itself looks at commits
    with pytest.raises(ConfigurationProblem, match=words), opened(GitRef(root, "HEAD")):
        pass


def test_names_that_climb_out_of_the_folder_are_refused(committed, tmp_path):
    blob = git(committed, "rev-parse", f"HEAD:{INIT}").strip()
    body = b"100644 ..\0" + bytes.fromhex(blob)
    (tmp_path / "tree").write_bytes(body)
    tree = git(committed, "hash-object", "-t", "tree", "-w", "--literally", str(tmp_path / "tree")).strip()
    commit = git(committed, "commit-tree", tree, "-m", "climbing").strip()
    with pytest.raises(ConfigurationProblem, match=r"'\.\.'"), opened(GitRef(committed, commit)):
        pass


def test_a_linked_work_tree_and_a_folder_inside_the_repository(committed, tmp_path):
    git(committed, "worktree", "add", "-q", str(tmp_path / "linked"), "v1.2.0")
    with opened(GitRef(tmp_path / "linked", "HEAD")) as tree:
        assert (tree.root / INIT).is_file()
    with opened(parse_source(f"{committed / 'src'}@v1.2.0")) as tree:
        assert (tree.root.name, (tree.root / "acme_hello/__init__.py").is_file()) == ("src", True)


@pytest.mark.parametrize(
    "ref", ["", "-h", "--output=/tmp/x", "nothing", "HEAD:LICENSE", "HEAD\n", "x" * 300, "v1.2.0^{tree}"]
)
def test_what_is_no_commit(committed, ref):
    with pytest.raises(ConfigurationProblem) as caught:
        Repository(committed).commit(ref)
    assert caught.value.help


def test_a_folder_outside_of_any_repository(tmp_path):
    with pytest.raises(ConfigurationProblem, match="lies in no git repository"):
        Repository(tmp_path)
    with pytest.raises(ConfigurationProblem):
        parse_source("")
