"""The audit hook matches regular expressions where everything else asks the permission: both must say the same."""

from __future__ import annotations

import re

import strategies
from hypothesis import example, given
from hypothesis import strategies as st

from theodore_loader.permissions import Permission
from theodore_loader.sandbox.hook_rules import expression, name_glob, path_glob
from theodore_sdk.info import PermissionType

NAMED = [PermissionType.ENVIRONMENT, PermissionType.NATIVE, PermissionType.REGISTRY]


@example(Permission(PermissionType.FILE_SYSTEM, "r:/*"), strategies.Resource(PermissionType.FILE_SYSTEM, "/"))
@given(strategies.permissions_of(PermissionType.FILE_SYSTEM), strategies.resources_of(PermissionType.FILE_SYSTEM))
def test_paths_are_inside_for_the_hook_when_they_are_inside_for_the_permission(
    one: Permission, act: strategies.Resource
) -> None:
    # the hook normalises before it matches
    path = "/" + "/".join(part for part in act.name.split("/") if part)
    matched = re.fullmatch(expression(path_glob(one.pattern, strategies.FOLDERS)), path, re.DOTALL) is not None
    assert matched == one.allows_path(path, False, strategies.FOLDERS)


@given(
    st.sampled_from(NAMED).flatmap(
        lambda kind: st.tuples(strategies.permissions_of(kind), strategies.resources_of(kind))
    )
)
def test_names_are_inside_for_the_hook_when_they_are_inside_for_the_permission(
    pair: tuple[Permission, strategies.Resource],
) -> None:
    one, act = pair
    matched = re.fullmatch(expression(name_glob(one.pattern)), act.name, re.DOTALL) is not None
    assert matched == one.allows_name(act.name)
