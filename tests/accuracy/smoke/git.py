"""A repository of its own: commits, branches, index, configuration, remotes, submodules."""

import tempfile
from contextlib import suppress
from pathlib import Path

import git

folder = Path(tempfile.mkdtemp())


def attempt(action):
    with suppress(Exception):
        action()


repository = git.Repo.init(folder / "a")
with repository.config_writer() as writer:
    writer.set_value("user", "name", "somebody")
    writer.set_value("user", "email", "somebody@example.org")
(folder / "a" / "file.txt").write_text("one\n")
attempt(lambda: repository.index.add(["file.txt"]))
attempt(lambda: repository.index.commit("first"))
attempt(lambda: repository.create_head("side").checkout())
attempt(lambda: repository.create_tag("v1", message="one"))
attempt(lambda: list(repository.iter_commits()))
attempt(lambda: repository.head.commit.diff(None, create_patch=True))
attempt(lambda: repository.index.remove(["file.txt"]))
attempt(lambda: repository.index.reset())
attempt(lambda: repository.index.checkout(force=True))
attempt(lambda: repository.blame("HEAD", "file.txt"))
attempt(lambda: repository.archive((folder / "a.tar").open("wb")))
attempt(lambda: repository.git.status())
attempt(lambda: repository.is_dirty(untracked_files=True))
attempt(lambda: setattr(repository, "description", "text"))
attempt(lambda: setattr(repository, "alternates", ["/nothing"]))
attempt(lambda: repository.clone(str(folder / "b")))
attempt(lambda: git.Repo(folder / "b").remotes.origin.fetch())
attempt(lambda: git.Repo(folder / "b").remotes.origin.pull())
attempt(lambda: git.Repo(folder / "b").remotes.origin.push())
attempt(lambda: git.Repo.clone_from("https://example.org/x.git", folder / "c"))
attempt(lambda: repository.create_submodule("sub", "sub", url=str(folder / "b")))
attempt(lambda: [part.update() for part in repository.submodules])
attempt(lambda: [part.remove() for part in repository.submodules])
attempt(lambda: repository.head.log())
attempt(lambda: repository.heads.side.rename("other"))
attempt(lambda: git.Head.delete(repository, "other", force=True))
attempt(lambda: repository.create_remote("r", "https://example.org/r.git"))
attempt(lambda: repository.delete_remote("r"))
attempt(lambda: git.Actor.author(repository.config_reader()))
attempt(lambda: repository.ignored("file.txt"))
attempt(lambda: repository.index.write_tree())
attempt(lambda: repository.git.execute(["git", "version"], with_extended_output=True, kill_after_timeout=5))
attempt(lambda: git.util.rmtree(str(folder / "b")))
