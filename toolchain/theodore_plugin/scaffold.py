"""Start a plugin project: one copier template, one answer file per category, nothing half-written.

Everything the user typed is checked first and reported at once. The project is rendered into a folder beside its
destination and renamed into place, so an error or an interruption leaves nothing behind.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import theodore_sdk
from theodore_loader.data import templates_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_sdk import CATEGORY_BASES, PluginCategory

_NAME = re.compile(r"[a-z][a-z0-9-]{2,63}")
_RESERVED_PREFIX = "theodore"
_RESERVED_PACKAGES = frozenset({"test", "tests", "src", "docs", "plugin"})
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LONGEST_ANSWER = 200

# What every plugin module imports; a category's partial adds its own names.
_SDK_NAMES = (
    "HealthStatus",
    "PluginCategory",
    "PluginConfig",
    "PluginContext",
    "PluginInfo",
    "PluginResourceLimits",
    "ValidationResult",
    "VersionRange",
)


@dataclass(frozen=True, slots=True)
class NewProject:
    """What to create. ``host`` is the one network destination of the categories that use the network."""

    name: str
    category: PluginCategory
    output_dir: Path
    author: str | None = None
    email: str | None = None
    homepage: str | None = None
    description: str | None = None
    interface: str | None = None
    host: str | None = None

    @property
    def path(self) -> Path:
        """Where the project will be."""
        return self.output_dir / self.name

    @property
    def package(self) -> str:
        """Name of the Python package inside the project."""
        return self.name.replace("-", "_")

    @property
    def class_name(self) -> str:
        """Name of the plugin class; never that of an SDK base class."""
        stem = "".join(part.capitalize() for part in self.name.split("-"))
        name = f"{stem}Plugin"
        return f"Custom{name}" if name in theodore_sdk.__all__ else name


@dataclass(frozen=True, slots=True)
class CategoryFacts:
    """What ``templates/plugin/categories.toml`` says about one category."""

    description: str
    dependencies: tuple[str, ...]
    network: bool


def create_project(project: NewProject) -> Path:
    """Create ``project`` and return its folder.

    Raises:
        ConfigurationProblem: an answer is unusable (all of them are listed), the destination is taken, or
            the file system refuses.

    """
    problems = list(_problems(project))
    if problems:
        raise ConfigurationProblem("\n".join(problems), help="`theodore-plugin new --help` lists the options")
    _refuse_taken(project.path)
    try:
        _render_into_place(project)
    except OSError as failure:
        raise ConfigurationProblem(
            f"cannot create {project.path}: {failure.strerror or failure}",
            help="choose a folder you can write to with --output-dir",
        ) from failure
    return project.path


def _problems(project: NewProject) -> Iterator[str]:
    """Yield everything wrong with the answers, one sentence each."""
    yield from _name_problems(project)
    for label in ("author", "email", "homepage", "description"):
        answer = getattr(project, label)
        if answer is not None:
            yield from _text_problems(label, answer)
    if project.email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", project.email):
        yield f"--email {project.email!r} is not an address"
    if project.homepage is not None and not project.homepage.startswith("https://"):
        yield f"--homepage {project.homepage!r} does not start with https://"
    base = CATEGORY_BASES[project.category].__name__
    if project.interface not in (None, base):
        yield (
            f"--interface {project.interface!r}: a {project.category.value} plugin implements {base}; "
            "implementations of Theodore's own ports are added to `provides` in the metadata"
        )
    yield from _host_problems(project)


def _proposal(name: str) -> str | None:
    """Return the plugin name nearest to ``name``, if there is one."""
    proposal = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64].rstrip("-")
    return proposal if _NAME.fullmatch(proposal) else None


def _name_problems(project: NewProject) -> Iterator[str]:
    name = project.name
    if not _NAME.fullmatch(name):
        hint = f"; try {_proposal(name)}" if _proposal(name) else ""
        yield f"{name!r} is not a plugin name: 3 to 64 lower-case letters, digits and hyphens, a letter first{hint}"
        return
    if name.endswith("-") or "--" in name:
        yield f"{name!r} is not a distribution name: no hyphen at the end, no two in a row"
    if name.split("-")[0] == _RESERVED_PREFIX:
        yield f"{name!r} is reserved: names that start with {_RESERVED_PREFIX!r} belong to Theodore itself"
    package = project.package
    if keyword.iskeyword(package):
        yield f"{name!r} would make {package!r} a package name, which is a Python keyword"
    elif package in sys.stdlib_module_names or package in _RESERVED_PACKAGES:
        yield f"{name!r} would make {package!r} a package name, which hides a module of that name"
    elif package in {_requirement(text)["name"] for text in _facts(project.category).dependencies}:
        yield f"{name!r} is the name of a package this plugin depends on"


def _text_problems(label: str, answer: str) -> Iterator[str]:
    if not answer.strip():
        yield f"--{label} is empty"
    if len(answer) > _LONGEST_ANSWER:
        yield f"--{label} is longer than {_LONGEST_ANSWER} characters"
    if not answer.isprintable():
        yield f"--{label} holds characters that cannot be printed: {answer[:_LONGEST_ANSWER]!a}"


def _host_problems(project: NewProject) -> Iterator[str]:
    if project.host is None:
        return
    if not _facts(project.category).network:
        yield f"--host means nothing for a {project.category.value} plugin: it does not use the network"
    elif not _HOST.fullmatch(project.host):
        yield f"--host {project.host!r} is not a host name such as api.example.com"


def _refuse_taken(path: Path) -> None:
    """Refuse a destination that holds anything; an empty folder may be filled."""
    if not path.parent.is_dir():
        raise ConfigurationProblem(f"{path.parent} is not a folder", help=f"mkdir -p {path.parent}")
    if path.is_symlink() or path.exists():
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            return
        raise ConfigurationProblem(f"{path} already exists", help="choose another name, or another --output-dir")


def _render_into_place(project: NewProject) -> None:
    """Render beside the destination, then rename: the same file system, one step, all or nothing."""
    with tempfile.TemporaryDirectory(prefix=f".{project.name}.", dir=project.output_dir) as scratch:
        rendered = Path(scratch) / project.name
        _render(rendered, _answers(project))
        rendered.rename(project.path)


def _render(destination: Path, answers: Mapping[str, Any]) -> None:
    from copier import Settings, run_copy
    from plumbum import local as copier_programs

    # The template is a folder of ours without version control, questions, tasks or extensions. copier would still
    # ask the user's git what the folder is (and fail where git is broken), and read the user's own copier settings:
    # neither has a say here.
    with copier_programs.env(PATH=""):
        run_copy(
            str(templates_dir() / "plugin"),
            destination,
            data=dict(answers),
            settings=Settings(),
            defaults=True,
            quiet=True,
            skip_tasks=True,
        )


def _answers(project: NewProject) -> dict[str, Any]:
    """Return what the template may use; ``*_literal`` are quoted for both Python and TOML."""
    facts = _facts(project.category)
    author = project.author or f"The {project.name} authors"
    texts = {
        "author": author,
        "email": project.email or "authors@plugins.example",
        "homepage": project.homepage or f"https://plugins.example/{project.name}",
        "description": project.description or facts.description,
    }
    return {
        "name": project.name,
        "package": project.package,
        "class_name": project.class_name,
        "category": project.category.value,
        "category_member": project.category.name,
        "base_class": CATEGORY_BASES[project.category].__name__,
        "author": author,
        "description": texts["description"],
        "docstring": _docstring(texts["description"]),
        "requirements": [_requirement(text) for text in facts.dependencies],
        "sdk_names_always": [*_SDK_NAMES, *(["PackageDependency"] if facts.dependencies else [])],
        **_network(project.host or "localhost"),
    } | {f"{label}_literal": json.dumps(text, ensure_ascii=False) for label, text in texts.items()}


def _network(host: str) -> dict[str, str]:
    """Return permission pattern and first address for a host: any port at home, HTTPS elsewhere."""
    if host == "localhost":
        return {"network_pattern": "localhost:*", "receiver_url": "http://localhost:8080/hook"}
    return {"network_pattern": f"{host}:443", "receiver_url": f"https://{host}/hook"}


@cache
def _facts(category: PluginCategory) -> CategoryFacts:
    path = templates_dir() / "plugin" / "categories.toml"
    entry = tomllib.loads(path.read_text(encoding="utf-8"))[category.value]
    return CategoryFacts(**{**entry, "dependencies": tuple(entry["dependencies"])})


def _requirement(text: str) -> dict[str, str]:
    """Split ``httpx>=0.27,<1`` into its name and its specifier."""
    name = re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0]
    return {"name": name, "specifier": text.removeprefix(name)}


def _docstring(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}"""'
