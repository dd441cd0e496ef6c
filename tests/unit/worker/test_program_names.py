"""What a granted program name means on this machine, and which files nobody can have meant."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from plugin_infos import plugin_info

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.manifest import Manifest
from theodore_loader.permissions import Permission
from theodore_loader.sandbox.tier import Tier
from theodore_loader.supervise import programs
from theodore_loader.supervise.plan import Plan, not_enforced, profile_of, setup_of
from theodore_loader.supervise.surroundings import Surroundings
from theodore_loader.supervise.worker import spawn_worker
from theodore_sdk import (
    PermissionType,
    PluginPermission,
    PluginResourceLimits,
)


def plan_for(folder: Path, *grants: str, required: str | None = None, most: int = 5) -> Plan:
    declared = () if required is None else (PluginPermission(PermissionType.SUBPROCESS, "needed", required),)
    limits = PluginResourceLimits(max_subprocess_count=most)
    info = plugin_info(permissions=declared, resource_limits=limits)
    folders = {name: folder / name for name in ("data", "cache", "tmp")}
    for own in folders.values():
        own.mkdir(exist_ok=True)
    parsed = tuple(Permission.from_text(grant) for grant in grants)
    return Plan(Manifest(info, "demo:Demo"), parsed, limits, (folder,), folders)


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a function that puts a program into one of three folders that stand for the system's."""
    folders = [tmp_path / name for name in ("first", "second", "third")]
    for folder in folders:
        folder.mkdir(mode=0o755)
    monkeypatch.setattr(programs, "SEARCH_FOLDERS", tuple(map(str, folders)))

    def put(name: str, folder: int = 0, mode: int = 0o755) -> Path:
        path = folders[folder] / name
        path.write_text("no header the kernel knows\n")
        path.chmod(mode)
        return path

    return put


def test_a_bare_name_is_the_first_in_the_systems_folders(tmp_path, system, monkeypatch):
    system("tool", 2)
    first = system("tool", 1)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.resolve(plan_for(tmp_path, "subprocess tool")) == programs.Programs((str(first),))


def test_a_file_that_cannot_be_executed_is_passed_over(tmp_path, system):
    system("tool", 0, 0o644)
    (tmp_path / "second" / "tool").mkdir()
    third = system("tool", 2)
    assert programs.resolve(plan_for(tmp_path, "subprocess tool")).files == (str(third),)


def test_a_glob_is_every_program_of_such_a_name(tmp_path, system):
    wanted = {str(system("pdf-split")), str(system("pdf-join", 1))}
    system("pdf-split", 1)
    system("other")
    assert set(programs.resolve(plan_for(tmp_path, "subprocess pdf-*")).files) == wanted


def test_a_path_is_that_file_and_links_are_followed(tmp_path):
    real = tmp_path / "real"
    real.write_text("x")
    real.chmod(0o755)
    link = tmp_path / "link"
    link.symlink_to(real)
    assert programs.resolve(plan_for(tmp_path, f"subprocess {link}")).files == (str(real),)


def test_a_real_program_brings_its_loader(tmp_path):
    found = programs.resolve(plan_for(tmp_path, "subprocess cat"))
    assert found.files[0].endswith("/cat")
    assert len(found.files) == 2
    assert found.missing == ()


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
def test_a_program_others_may_write_is_refused(tmp_path, system, mode):
    system("tool", 0, mode)
    found = programs.resolve(plan_for(tmp_path, "subprocess tool"))
    assert found.files == ()
    assert "can be changed by other users" in found.missing[0]


def test_a_program_in_a_folder_everybody_may_write_is_refused(tmp_path, system):
    system("tool").parent.chmod(0o777)
    (line,) = programs.resolve(plan_for(tmp_path, "subprocess tool")).missing
    assert line.startswith(f"subprocess tool: {tmp_path}/first can be changed by other users")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_program_of_another_user_is_refused(tmp_path, system):
    os.chown(system("tool"), 12345, 12345)
    assert programs.resolve(plan_for(tmp_path, "subprocess tool")).files == ()


def test_a_program_where_the_plugin_may_write_is_refused(tmp_path):
    program = tmp_path / "data" / "tool"
    plan = plan_for(tmp_path, f"subprocess {program}", "filesystem rw:{data}/**")
    program.write_text("x")
    program.chmod(0o755)
    (line,) = programs.resolve(plan).missing
    assert "lies where the plugin may write" in line


def test_a_link_into_its_own_folder_is_refused_too(tmp_path, system):
    own = tmp_path / "tmp" / "tool"
    plan = plan_for(tmp_path, "subprocess tool")
    own.write_text("x")
    own.chmod(0o755)
    (tmp_path / "first" / "tool").symlink_to(own)
    assert programs.resolve(plan).files == ()


def test_an_innocent_name_of_a_program_that_runs_any_other_is_refused(tmp_path, system):
    """The many names of busybox are one file, which does what its first argument says."""
    (tmp_path / "first" / "true").symlink_to(system("busybox"))
    (line,) = programs.resolve(plan_for(tmp_path, "subprocess true")).missing
    assert "runs any program by its first argument" in line
    assert programs.resolve(plan_for(tmp_path, "subprocess busybox")).files == (f"{tmp_path}/first/busybox",)


@pytest.mark.parametrize("grant", ["subprocess nothing", "subprocess nothing-*", "subprocess /nonexistent/tool"])
def test_what_is_missing_is_said(tmp_path, system, grant):
    plan = plan_for(tmp_path, grant)
    found = programs.resolve(plan)
    assert found.files == ()
    assert found.missing[0].startswith(grant)
    assert found.missing[0] in not_enforced(found)
    assert profile_of(plan, tmp_path, found).subprocesses == 0


def test_without_a_kernel_layer_it_is_said_that_programs_may_go_on_after_their_worker(tmp_path):
    found = programs.resolve(plan_for(tmp_path, "subprocess cat"))
    said = [set(not_enforced(found, achieved=tier)) for tier in (Tier.BASIC, Tier.STANDARD)]
    (line,) = said[0] - said[1]
    assert line.startswith("programs: one that leaves its process group goes on after its worker")


def test_what_is_missing_and_required_is_a_problem_of_this_machine(tmp_path, system):
    with pytest.raises(ConfigurationProblem, match="demo needs the program nothing: not found in") as caught:
        programs.resolve(plan_for(tmp_path, "subprocess nothing", required="nothing"))
    assert "required=False" in caught.value.help


class NoLauncher:
    async def launch(self, _folder):
        pytest.fail("a worker was started")


async def test_no_process_is_started_for_a_plugin_whose_program_is_missing(tmp_path, system):
    surroundings = Surroundings(tmp_path / "logs", tmp_path, {}, {}, lambda _record: None, NoLauncher())
    with pytest.raises(ConfigurationProblem, match="needs the program nothing"):
        await spawn_worker(plan_for(tmp_path, "subprocess nothing", required="no*"), surroundings)


def test_no_processes_means_no_program_and_no_grant(tmp_path, system):
    system("tool")
    plan = plan_for(tmp_path, "subprocess tool", most=0, required="tool")
    found = programs.resolve(plan)
    assert found.files == ()
    assert "max_subprocess_count is 0" in found.missing[0]
    assert profile_of(plan, tmp_path, found).subprocesses == 0
    assert not any(grant.type is PermissionType.SUBPROCESS for grant in plan.worker_grants())


def test_the_hosts_path_reaches_no_worker(tmp_path, system):
    system("tool")
    plan = plan_for(tmp_path, "subprocess tool", "environment PATH")
    setup = setup_of(plan, tmp_path, {"PATH": "/home/someone/bin"}, programs.resolve(plan))
    assert "/home/someone/bin" not in setup.environment["PATH"]
    assert setup.profile.execute == (f"{tmp_path}/first/tool",)
    without = replace(plan, grants=())
    assert "PATH" not in setup_of(without, tmp_path, {"PATH": "x"}, programs.Programs()).environment
