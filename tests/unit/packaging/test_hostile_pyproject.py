"""Whatever a pyproject says, the answer is a message: every value of every type in every place packaging reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_plugin.packaging.backend import read_backend
from theodore_plugin.packaging.requirements import read_requirements
from theodore_plugin.packaging.targets import declared_range
from theodore_plugin.project import PluginProject

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXTS
    | st.sampled_from(["hatchling", "hatchling.build", "a @ b", ">=3.11", "linux-x86_64", "dependencies"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["requires", "build-backend", "backend-path"])
FIELDS = st.sampled_from(["dependencies", "dynamic", "requires-python"])
TABLES = {
    "build-system": st.dictionaries(KEYS, VALUES) | VALUES,
    "project": st.dictionaries(FIELDS, VALUES) | VALUES,
    "tool": st.fixed_dictionaries({"theodore-plugin": st.fixed_dictionaries({"platforms": VALUES}) | VALUES}) | VALUES,
}


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=TABLES))
def test_any_document_is_read_or_refused_with_a_way_out(document):
    files = {"pyproject.toml": tomlkit.dumps(document).encode(), "acme/__init__.py": b""}
    try:
        project = PluginProject.from_files(files)
        read = (read_requirements(project.table), declared_range(project).targets)
    except (ConfigurationProblem, Refused) as refusal:
        assert refusal.help  # noqa: PT017 - acceptance is the other valid outcome
    else:
        assert len(read[0]) == len(document.get("project", {}).get("dependencies", []))
        assert read[1]


@settings(deadline=None)
@given(TABLES["build-system"], VALUES)
def test_any_backend_is_known_or_refused(table, tools):
    files = {"pyproject.toml": tomlkit.dumps({"build-system": table, "tool": tools}).encode(), "acme/__init__.py": b""}
    try:
        accepted = read_backend(PluginProject.from_files(files).pyproject, Path("/nonexistent"))
    except ConfigurationProblem as refusal:
        assert refusal.help  # noqa: PT017 - acceptance is the other valid outcome
    else:
        assert accepted.name == table["build-backend"]


@pytest.mark.parametrize("backend", ["hatchling.build:evil", "hatchling", "hatchling.build ", "HATCHLING.build", ""])
def test_names_that_only_look_like_a_backend(backend):
    with pytest.raises(ConfigurationProblem, match="not one of"):
        read_backend({"build-system": {"build-backend": backend, "requires": []}}, Path("/nonexistent"))
