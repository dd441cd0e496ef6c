"""Every technique works without a sandbox and fails under each of the configurations that must stop it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from theodore_loader.sandbox.programs import closure

CASES = Path(__file__).parent / "cases"

# Machine code in memory of one's own runs unless W^X or the hook is there; what it can do then, every other case tries.
NEEDS_THE_HOOK = {"native-code-from-data"}
# What the hook alone does not see: no event, or one without the decisive argument. The kernel layers are for these.
HOOK_IS_BLIND = {
    *("folder-descriptor", "library-opens-the-file", "vacuum-elsewhere", "change-mode-of-readable", "look-around"),
    *("signal-by-owner", "signal-by-descriptor", "slow-the-host", "pin-the-host", "read-inherited-descriptor"),
}
WAIT = {"outlive-the-call": 1.2}


def cases() -> list[tuple[Path, str, str]]:
    found = []
    for path in sorted(CASES.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"theodore_cases_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found += [(path, name, goal) for name, (goal, _act) in module.CASES.items()]
    return found


@pytest.mark.kernel
@pytest.mark.parametrize(("module", "case", "goal"), cases(), ids=[case for _, case, _ in cases()])
def test_technique_is_stopped(shooting_range, module, case, goal):
    wait = WAIT.get(case, 0.0)
    control = shooting_range("control").shoot("none", module, case, goal, wait=wait)
    if not control.escaped:
        pytest.skip(f"cannot be done on this machine even without a sandbox: {control.output[-200:]}")
    for mode in ("full",) if case in NEEDS_THE_HOOK else ("kernel", "full"):
        shot = shooting_range(mode).shoot(mode, module, case, goal, wait=wait)
        assert shot.attempted, f"{mode}: {shot.output[-500:]}"
        assert not shot.escaped, f"{mode}: {shot.output[-500:]}"


# These make processes and no more: that much was granted, and the host ends them with the worker (tests/unit/worker).
GRANTED_NOW = {"outlive-the-call"}
BEYOND_THE_KERNEL = NEEDS_THE_HOOK | GRANTED_NOW
UNDER_A_GRANT = [at for at in cases() if at[0].stem in ("processes", "kernel") and at[1] not in BEYOND_THE_KERNEL]


@pytest.mark.kernel
@pytest.mark.parametrize(("module", "case", "goal"), UNDER_A_GRANT, ids=[case for _, case, _ in UNDER_A_GRANT])
def test_one_granted_program_opens_no_other_way(shooting_range, module, case, goal):
    at = shooting_range("granted")
    at.programs = closure("/bin/true")
    shot = at.shoot("kernel", module, case, goal)
    assert shot.attempted, shot.output[-500:]
    assert not shot.escaped, shot.output[-500:]


POLICED = [at for at in cases() if at[0].stem != "resources" and at[1] not in HOOK_IS_BLIND]


@pytest.mark.parametrize(("module", "case", "goal"), POLICED, ids=[case for _, case, _ in POLICED])
def test_hook_alone_stops_what_raises_events(shooting_range, module, case, goal):
    shot = shooting_range("hook").shoot("hook", module, case, goal)
    assert shot.attempted, shot.output[-500:]
    assert not shot.escaped, shot.output[-500:]
