"""Resolve requirements for a whole range of Pythons and platforms, with uv, confined.

1. uv sees a project made up here, in an empty private folder: parsed requirements, the declared range, the user's
   indexes. No file of the project that is locked is near it, no configuration of its own is looked for elsewhere.
2. It never builds (``no-build``), so no code of a distribution is run; it starts this interpreter once, to ask its
   version, and no other program.
3. It is confined: it reads the folder, the interpreter, certificates and local indexes, writes its own cache, and
   reaches the network. Its environment is made of nothing but what is listed here.
4. What was locked before is handed over as preferences: a version that still satisfies everything is kept.
5. Time, memory and output are bounded; what it says about a failure is passed on (:mod:`.resolver_failure`).

The answer is read from two documents of the resolver's, both TOML: a ``pylock.toml`` (PEP 751), and its own lock for
who depends on whom, which the other does not say.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import sysconfig
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import cache_dir, private_dir
from theodore_loader.sandbox.interpreter import RESOLVER, read_paths
from theodore_loader.sandbox.profile import MIB, Profile
from theodore_loader.sandbox.run import Completed, run_confined
from theodore_plugin.packaging.index_settings import IndexSettings
from theodore_plugin.packaging.resolver_failure import NoUploadTimes, failure, shown, warnings
from theodore_plugin.packaging.targets import Range

if TYPE_CHECKING:
    from packaging.requirements import Requirement

NAME = "theodore-lock"
"""The made-up project; no distribution has this name."""
CACHE = "resolver"
_CHOICE = ('resolution = "highest"', 'prerelease = "if-necessary"', 'fork-strategy = "requires-python"')
"""What the resolver chooses by itself, said: neither its next release nor a file of the system may change it."""
_PASSED_ON = (
    *("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_DIR", "UV_HTTP_RETRIES", "UV_CONCURRENT_DOWNLOADS"),
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one resolution may use: seconds, bytes of memory, bytes of any one file."""

    seconds: float = 600
    memory_bytes: int = 2048 * MIB
    file_bytes: int = 512 * MIB


@dataclass(frozen=True, slots=True)
class Preference:
    """A version locked before, and the marker under which."""

    name: str
    version: str
    marker: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be resolved. ``not_after`` leaves out what was uploaded later."""

    requirements: tuple[Requirement, ...]
    range: Range
    indexes: IndexSettings
    preferences: tuple[Preference, ...] = ()
    not_after: datetime | None = None
    refresh: bool = False
    """Whether what indexes said some minutes ago has to be asked again."""
    bounds: Bounds = field(default=Bounds())


@dataclass(frozen=True, slots=True)
class Resolution:
    """The resolver's answer: a ``pylock.toml``, who depends on whom, and what it warned of.

    ``dependencies`` maps (name, version) to the same of everything it asks for.
    """

    document: Mapping[str, Any]
    dependencies: Mapping[tuple[str, str], tuple[tuple[str, str], ...]]
    warnings: tuple[str, ...] = ()


def resolve(request: Request) -> Resolution:
    """Resolve, or raise :class:`ConfigurationProblem` with the resolver's reasons.

    :class:`NoUploadTimes` is raised if ``not_after`` is given and the index does not say when a file was uploaded.
    """
    from theodore_plugin.scanners.leftovers import working_folder

    with working_folder() as folder:
        (folder / "pyproject.toml").write_text(_project(request), encoding="utf-8")
        if request.preferences:
            (folder / "uv.lock").write_text(_preferred(request), encoding="utf-8")
        said = _run(folder, request)
        document = tomllib.loads((folder / "pylock.toml").read_text(encoding="utf-8"))
        graph = tomllib.loads((folder / "uv.lock").read_text(encoding="utf-8"))
    return Resolution(document, dict(_dependencies(graph)), warnings(said, request))


def resolver_path() -> Path:
    """Return the program that resolves: the one installed beside this interpreter, else the one on ``PATH``."""
    beside = Path(sysconfig.get_path("scripts")) / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise ConfigurationProblem(
            "the resolver uv is not installed", help="pip install 'theodore-plugin[toolchain]', which brings it along"
        )
    return Path(found)


def _run(folder: Path, request: Request) -> str:
    """Resolve and export in one go: the former writes ``uv.lock``, the latter ``pylock.toml``."""
    cache = private_dir(cache_dir() / CACHE)
    argv = [str(resolver_path()), "export", "--format", "pylock.toml", "--no-header", "--no-emit-project"]
    argv += ["--output-file", "pylock.toml", "--no-progress", "--color", "never", "--cache-dir", str(cache)]
    argv += ["--python", sys.executable, "--no-python-downloads", "--no-managed-python"]
    argv += ["--refresh"] if request.refresh else []
    done = run_confined(
        argv,
        _profile(folder, cache, request),
        cwd=folder,
        env=_environment(folder, request.indexes),
        timeout=request.bounds.seconds,
        output_cap=4 * MIB,
    )
    if done.timed_out or done.returncode:
        raise _failed(done, request)
    return done.stderr.decode("utf-8", "replace")


def _failed(done: Completed, request: Request) -> ConfigurationProblem:
    if done.timed_out:
        return failure(f"the resolver did not finish within {request.bounds.seconds:g} s", request)
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode < 0 or "memory allocation" in said:
        return failure("the resolver ran out of memory, or was ended: an index may answer without end", request)
    if request.not_after is not None and NoUploadTimes.SIGN in said:
        return NoUploadTimes(shown(said, request))
    return failure(shown(said, request), request)


def _profile(folder: Path, cache: Path, request: Request) -> Profile:
    indexes = request.indexes
    folders = os.environ.get("SSL_CERT_DIR", "").split(os.pathsep)
    named = [path for path in (indexes.certificate, indexes.client_certificate, _netrc(), *folders) if path]
    return Profile(
        read=(*read_paths(sys.executable), *RESOLVER, *named, *indexes.local_paths),
        write=(str(folder), str(cache), "/dev/null"),
        execute=(sys.executable,),
        sockets="outbound",
        subprocesses=4,
        memory_bytes=request.bounds.memory_bytes,
        open_files=1024,
        file_bytes=request.bounds.file_bytes,
        metadata_changes="ignore",
        symlinks=True,
        allow_weaker=True,
    )


def _environment(folder: Path, indexes: IndexSettings) -> dict[str, str]:
    variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    variables |= {"HOME": str(folder), "TMPDIR": str(folder), "XDG_CONFIG_HOME": str(folder), "LANG": "C.UTF-8"}
    variables |= {"PATH": os.defpath, "NO_COLOR": "1", "UV_SYSTEM_CERTS": "true"}
    optional = {
        "SSL_CERT_FILE": indexes.certificate,
        "SSL_CLIENT_CERT": indexes.client_certificate,
        "ALL_PROXY": indexes.proxy,
        "UV_HTTP_TIMEOUT": str(indexes.timeout) if indexes.timeout else None,
        "NETRC": _netrc(),
    }
    return variables | {name: value for name, value in optional.items() if value}


def _netrc() -> str | None:
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    return str(path) if path.is_file() else None


def _project(request: Request) -> str:
    """Write the made-up project. Everything is a quoted TOML string, so nothing can be anything else."""
    lines = ["[project]", f'name = "{NAME}"', 'version = "0"', f"requires-python = {_text(request.range.python)}"]
    lines.append(f"dependencies = {_texts(map(str, request.requirements))}")
    lines += ["[tool.uv]", "package = false", "no-build = true", "default-groups = []", *_CHOICE]
    lines.append(f"environments = {_texts(request.range.environments)}")
    lines.append(f"required-environments = {_texts(_required(request.range))}")
    if request.not_after is not None:
        lines.append(f"exclude-newer = {_text(request.not_after.strftime('%Y-%m-%dT%H:%M:%SZ'))}")
    return "\n".join([*lines, *_indexes(request.indexes)]) + "\n"


def _required(wanted: Range) -> Iterator[str]:
    for marker in wanted.environments:
        for python in wanted.pythons:
            yield f"{marker} and python_version == '{python}'"


def _indexes(settings: IndexSettings) -> Iterator[str]:
    yield f"no-index = {_flag(settings.no_index)}"
    yield f"find-links = {_texts(settings.find_links)}"
    yield f"index-strategy = {_text(settings.strategy)}"
    yield f"allow-insecure-host = {_texts(settings.trusted_hosts)}"
    for position, address in enumerate(settings.indexes, 1):
        # The default index is asked last; to be asked in the order given, the last one is called the default.
        last = position == len(settings.indexes)
        yield from ("[[tool.uv.index]]", f"url = {_text(address)}", f"default = {_flag(last)}")


def _preferred(request: Request) -> str:
    """Write what was locked before as a lock of the resolver's own; it is only taken as a wish."""
    lines = ["version = 1", f"requires-python = {_text(request.range.python)}"]
    for wish in request.preferences:
        lines += ["[[package]]", f"name = {_text(wish.name)}", f"version = {_text(wish.version)}"]
        lines.append('source = { registry = "." }')
        if wish.marker:
            lines.append(f"resolution-markers = {_texts([wish.marker])}")
    return "\n".join(lines) + "\n"


def _dependencies(graph: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], tuple[tuple[str, str], ...]]]:
    versions: dict[str, set[str]] = {}
    for package in graph.get("package", ()):
        versions.setdefault(package["name"], set()).add(package.get("version", ""))
    for package in graph.get("package", ()):
        extras = package.get("optional-dependencies", {}).values()
        needs = [*package.get("dependencies", ()), *(need for group in extras for need in group)]
        found = {(need["name"], version) for need in needs for version in _meant(need, versions)}
        found.discard((package["name"], package.get("version", "")))  # an extra that asks for another of its own
        yield (canonicalize_name(package["name"]), package.get("version", "")), tuple(sorted(found))


def _meant(need: Mapping[str, Any], versions: Mapping[str, Iterable[str]]) -> Iterable[str]:
    return [need["version"]] if "version" in need else versions.get(need["name"], ())


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007F")


def _texts(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _flag(value: bool) -> str:
    return "true" if value else "false"
