"""``[tool.theodore-plugin]`` of the project under check, which may be a stranger's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.project import PluginProject
from theodore_plugin.settings.origin import Said, Voice
from theodore_plugin.settings.schema import PROJECT, keys, problems
from theodore_plugin.settings.toml_places import places

TABLE = "[tool.theodore-plugin]"
BUILT_IN_POLICIES = ("default", "strict", "development")


def project_voice(project: PluginProject) -> Voice:
    """Return what the project says; raise ConfigurationProblem with everything that is wrong with its table."""
    table = _table(project)
    where = places(project.pyproject_text, TABLE.strip("[]"))
    wrong = (
        [f"{_place(project, where, path)}: {TABLE} {text}" for path, text in problems(table, PROJECT)] if table else []
    )
    if wrong:
        raise ConfigurationProblem("\n".join(wrong), help=f"{TABLE} takes {', '.join(keys(PROJECT))}")
    says = {key.replace("-", "_"): Said(_value(value), _line(project, where, key)) for key, value in table.items()}
    for name in ("policy", "baseline"):
        if name in says:
            says[name] = Said(_inside(project, name, says[name]), says[name].origin)
    return Voice("the project", says)


def _table(project: PluginProject) -> Mapping[str, Any]:
    tools = project.pyproject.get("tool", {})
    table = tools.get("theodore-plugin", {}) if isinstance(tools, Mapping) else {}
    if not isinstance(table, Mapping):
        raise ConfigurationProblem(
            f"{project.locate('theodore-plugin')}: {TABLE} is not a table",
            help=f"write {TABLE} on a line of its own, and below it {', '.join(keys(PROJECT))}",
        )
    return table


def _inside(project: PluginProject, name: str, said: Said) -> Any:
    """Return a file of the project, never one outside of it; a built-in policy keeps its name."""
    if name == "policy" and said.value in BUILT_IN_POLICIES:
        return said.value
    path = (project.root / said.value).resolve()
    if not path.is_relative_to(project.root.resolve()):
        raise ConfigurationProblem(
            f"{said.origin}: the {name} {said.value!r} lies outside the project",
            help=f"name it on the command line: --{name} FILE",
        )
    return path


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _place(project: PluginProject, where: Mapping[str, tuple[int, int]], path: tuple[str | int, ...]) -> str:
    key = str(path[0]) if path else ""
    if key in where:
        return "{}:{}:{}".format(project.project_file, *where[key])
    return str(project.locate(key or "theodore-plugin"))


def _line(project: PluginProject, where: Mapping[str, tuple[int, int]], key: str) -> str:
    line = where[key][0] if key in where else project.locate(key).line
    return f"{project.project_file}:{line}"
