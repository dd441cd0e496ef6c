"""Every technique works without a sandbox and fails under each of the configurations that must stop it."""

from __future__ import annotations

import pytest

from shooting.expected import BEYOND_THE_WORKER, GRANTED_NOW, HOOK_IS_BLIND, HOOKS, NOT_THE_KERNELS
from shooting.modes import WORKERS, layers_of
from shooting.techniques import Technique, own
from theodore_loader.sandbox.tier import available

TECHNIQUES = own()


def each(techniques: list[Technique]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("technique", techniques, ids=lambda technique: technique.name)


def attempt(shooting_range, technique, mode):
    """Make one attempt in the gallery."""
    return shooting_range(mode).shoot(layers_of(mode), technique)


def known_to_work(shooting_range, technique):
    """Skip what cannot be done on this machine at all: its failure would prove nothing."""
    control = attempt(shooting_range, technique, "control")
    if not control.escaped:
        pytest.skip(f"cannot be done on this machine even without a sandbox: {control.output[-200:]}")


@pytest.mark.kernel
@each([technique for technique in TECHNIQUES if technique.name not in NOT_THE_KERNELS])
def test_kernel_layers_alone_stop_it(shooting_range, technique):
    known_to_work(shooting_range, technique)
    shot = attempt(shooting_range, technique, "kernel")
    assert shot.attempted, shot.output[-500:]
    assert not shot.escaped, shot.output[-500:]


@pytest.mark.kernel
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("tier", WORKERS)
@each(TECHNIQUES)
async def test_a_plugin_in_a_real_worker_cannot(shooting_range, workers, technique, tier):
    offer = available() if tier == "standard" else available(WORKERS[tier])
    if offer.tier < WORKERS[tier]:
        pytest.skip("; ".join(offer.reasons))
    shot = await workers.shoot(shooting_range(tier), technique, WORKERS[tier])
    assert shot.attempted, shot.output[-500:]
    assert shot.escaped == (technique.name in BEYOND_THE_WORKER[tier]), shot.output[-500:]


@pytest.mark.kernel
@each([at for at in TECHNIQUES if at.theme in ("processes", "kernel") and at.name not in GRANTED_NOW])
def test_one_granted_program_opens_no_other_way(shooting_range, technique):
    at = shooting_range("granted")
    at.grant_program("/bin/true")
    shot = at.shoot(layers_of("kernel"), technique)
    assert shot.attempted, shot.output[-500:]
    assert not shot.escaped, shot.output[-500:]


@pytest.mark.parametrize("hook", HOOKS)
@each([at for at in TECHNIQUES if at.theme != "resources" and at.name not in HOOK_IS_BLIND])
def test_hook_alone_stops_what_raises_events(shooting_range, technique, hook):
    shot = attempt(shooting_range, technique, hook)
    assert shot.attempted, shot.output[-500:]
    assert not shot.escaped, shot.output[-500:]
