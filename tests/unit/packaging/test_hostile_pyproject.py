"""Whatever a pyproject says, the answer is a message: every value of every type in every place packaging reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_plugin.packaging.backend import read_backend
from theodore_plugin.packaging.requirements import read_requirements

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["hatchling", "a @ b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["requires", "build-backend", "backend-path", "dependencies", "dynamic"])
TABLES = st.dictionaries(KEYS, VALUES) | VALUES


@settings(deadline=None)
@given(TABLES, VALUES)
def test_build_system_tables(table, tools):
    try:
        accepted = read_backend({"build-system": table, "tool": tools}, Path("/nonexistent"))
    except ConfigurationProblem as refusal:
        assert refusal.help  # noqa: PT017 - acceptance is the other valid outcome
    else:
        assert accepted.name == table["build-backend"]


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES))
def test_project_tables(table):
    try:
        accepted = read_requirements(table)
    except (ConfigurationProblem, Refused) as refusal:
        assert refusal.help  # noqa: PT017 - acceptance is the other valid outcome
    else:
        assert len(accepted) == len(table.get("dependencies", []))


@pytest.mark.parametrize("backend", ["hatchling.build:evil", "hatchling", "hatchling.build ", "HATCHLING.build", ""])
def test_names_that_only_look_like_a_backend(backend):
    with pytest.raises(ConfigurationProblem, match="not one of"):
        read_backend({"build-system": {"build-backend": backend, "requires": []}}, Path("/nonexistent"))
