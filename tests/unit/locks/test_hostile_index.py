"""An index, or a project, that means harm: bounded, said, and never run."""

from __future__ import annotations

import base64
import time
from dataclasses import replace

import pytest
from packaging.requirements import Requirement

from theodore_loader.artifact.environment import ensure_environment
from theodore_loader.errors import ConfigurationProblem, LoaderError
from theodore_loader.sandbox.profile import MIB
from theodore_plugin.packaging.index_settings import IndexSettings, read_index_settings
from theodore_plugin.packaging.lock import ensure_lock
from theodore_plugin.packaging.resolver import Bounds, Request, resolve
from theodore_plugin.packaging.targets import make_range
from theodore_plugin.project import PluginProject

DRAWING = set("\u00d7╰─▶│├╭")


def request(index, *lines: str, **bounds) -> Request:
    settings = IndexSettings(index=index.url)
    return Request(tuple(map(Requirement, lines)), make_range(">=3.11"), settings, bounds=Bounds(**bounds))


def failure(asked: Request) -> str:
    with pytest.raises(ConfigurationProblem) as caught:
        resolve(asked)
    assert caught.value.help
    assert not DRAWING & set(caught.value.message), "the resolver's drawing is taken off"
    assert "theodore-check-" not in caught.value.message, "no folder of ours is named"
    return caught.value.message


def test_a_conflict_is_explained_by_its_parts(index, project_dir):
    index.publish("alpha", "1.0", "shared<2")
    index.publish("beta", "1.0", "shared>=2")
    index.publish("shared", "1.0")
    index.publish("shared", "2.0")
    said = failure(request(index, "alpha", "beta"))
    assert "alpha" in said
    assert "beta" in said
    assert "shared" in said
    assert "your project" in said


def test_a_dependency_for_newer_pythons_only(index, project_dir):
    index.publish("modern", "1.0", **{"requires-python": ">=3.13"})
    said = failure(request(index, "modern"))
    assert "3.13" in said
    assert "modern" in said


def test_a_dependency_nobody_published(index, project_dir):
    assert "nowhere" in failure(request(index, "nowhere"))


def test_a_source_distribution_is_neither_taken_nor_run(index, project_dir, tmp_path):
    canary = tmp_path / "ran"
    index.publish("evil", "1.0", filename="evil-1.0.tar.gz", url="/files/evil-1.0.tar.gz", **{"core-metadata": False})
    index.contents["/files/evil-1.0.tar.gz"] = f"open({str(canary)!r}, 'w')".encode()
    assert "evil" in failure(request(index, "evil"))
    assert not canary.exists()
    assert "/files/evil-1.0.tar.gz" not in [path for path, _ in index.asked]


def test_a_yanked_release_is_not_taken(index, project_dir):
    index.publish("alpha", "1.0")
    index.publish("alpha", "1.1", yanked="broken")
    assert b'version = "1.0"' in ensure_lock(PluginProject.open(project_dir("alpha")))


def test_files_of_other_projects_in_an_answer_are_not_taken(index, project_dir):
    index.publish("alpha", "1.0")
    index.publish("alpha-evil", "9.0")
    index.files["alpha"] += index.files["alpha-evil"]
    lock = ensure_lock(PluginProject.open(project_dir("Alpha"))).decode()
    assert "evil" not in lock
    assert 'name = "alpha"' in lock


def test_a_host_installs_what_is_locked_and_no_other_bytes(index, project_dir, tmp_path):
    index.publish("alpha")
    lock = ensure_lock(PluginProject.open(project_dir("alpha")))
    site = ensure_environment(lock, tmp_path / "good")
    assert (site / "alpha/__init__.py").read_text() == "VERSION = '1.0'\n"
    index.contents["/files/alpha-1.0-py3-none-any.whl"] += b"x"
    with pytest.raises(LoaderError):
        ensure_environment(lock, tmp_path / "state")


def test_an_index_without_hashes_is_hashed_here(index, project_dir):
    digest = index.publish("alpha", hashes={})
    assert digest in ensure_lock(PluginProject.open(project_dir("alpha"))).decode()


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"files": 3}',
        b'{"meta": {"api-version": "9.0"}, "name": "alpha", "files": []}',
        b"\xff" * 4096,
    ],
    ids=["cut", "wrong type", "version of tomorrow", "noise"],
)
def test_an_answer_that_is_none(index, project_dir, answer, body):
    index.answers["/simple/alpha/"] = lambda handler: answer(handler, body, kind="application/vnd.pypi.simple.v1+json")
    assert "alpha" in failure(request(index, "alpha"))


def test_an_answer_that_leads_in_circles(index, project_dir):
    def circle(handler):
        handler.send_response(302)
        handler.send_header("Location", handler.path)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    index.answers["/simple/alpha/"] = circle
    assert "alpha" in failure(request(index, "alpha"))
    assert len(index.asked) < 100


def test_an_index_that_never_answers_is_given_up(index, project_dir):
    index.answers["/simple/alpha/"] = lambda handler: time.sleep(30)
    with pytest.raises(ConfigurationProblem, match=r"did not finish within 1\.5 s"):
        resolve(request(index, "alpha", seconds=1.5))


def test_an_answer_without_end_meets_a_bound(index):
    def endless(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
        handler.end_headers()
        handler.close_connection = True
        while True:
            handler.wfile.write(b" " * (1 << 20))

    index.answers["/simple/alpha/"] = endless
    with pytest.raises(ConfigurationProblem, match=r"out of memory|did not finish"):
        resolve(request(index, "alpha", seconds=20, memory_bytes=160 * MIB))


def test_credentials_are_used_and_shown_nowhere(index, only_index, project_dir):
    def guarded(handler):
        secret = base64.b64encode(b"alice:hunter2secret").decode()
        if handler.headers.get("Authorization") != f"Basic {secret}":
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", 'Basic realm="index"')
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        del index.answers["/simple/alpha/"]
        index.respond(handler)

    index.publish("alpha")
    index.answers["/simple/alpha/"] = guarded
    only_index(index.url.replace("//", "//alice:hunter2secret@"))
    assert "hunter2secret" not in repr(read_index_settings())
    lock = ensure_lock(PluginProject.open(project_dir("alpha"))).decode()
    assert "hunter2secret" not in lock
    said = failure(replace(request(index, "alpha", "missing"), indexes=read_index_settings()))
    assert "hunter2secret" not in said
    assert "alice" not in said


def test_wrong_credentials_are_said_and_not_shown(index, answer):
    index.answers["/simple/alpha/"] = lambda handler: answer(handler, b"", status=401)
    guarded = IndexSettings(index=index.url.replace("//", "//alice:hunter2secret@"))
    said = failure(replace(request(index, "alpha"), indexes=guarded))
    assert "hunter2secret" not in said
    assert "alpha" in said


HOSTILE = """
[tool.uv]
index-url = "{url}"
find-links = ["{url}"]
no-build = false
[[tool.uv.index]]
name = "evil"
url = "{url}"
default = true
[tool.uv.sources]
alpha = {{ index = "evil" }}
"""


def test_no_file_of_the_project_steers_the_resolver(index, indexes, project_dir):
    evil = indexes()
    evil.publish("alpha", "9.0")
    index.publish("alpha", "1.0")
    root = project_dir("alpha", more=HOSTILE.format(url=evil.url))
    (root / "uv.toml").write_text(f'index-url = "{evil.url}"\n')
    (root / "requirements.txt").write_text(f"--index-url {evil.url}\nalpha==9.0\n")
    (root / ".python-version").write_text("3.99\n")
    assert b'version = "1.0"' in ensure_lock(PluginProject.open(root))
    assert evil.asked == []


@pytest.mark.parametrize(
    "line", ["alpha @ http://127.0.0.1:1/alpha-1.0-py3-none-any.whl", "alpha @ file:///etc/passwd"]
)
def test_a_dependency_of_a_dependency_on_a_place(index, project_dir, line):
    index.publish("top", "1.0", line)
    index.publish("alpha")
    assert "alpha" in failure(request(index, "top"))


def test_a_requirement_cannot_leave_its_string(index):
    index.publish("alpha")
    need = Requirement("alpha; python_version >= '3' or platform_version == '\"]\\n[tool.uv]\\n#'")
    resolution = resolve(replace(request(index, "alpha"), requirements=(need,)))
    assert [package["name"] for package in resolution.document["packages"]] == ["alpha"]


@pytest.mark.parametrize("said", ["banana", f">=3.11,<{'9' * 5000}", 3])
def test_a_range_of_pythons_that_is_none_is_refused(said: object) -> None:
    with pytest.raises(ConfigurationProblem, match="no version range"):
        make_range(said)
