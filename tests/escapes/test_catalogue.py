"""The shared catalogue of escape cases, where it lies beside this checkout: each tried by a plugin in a real worker."""

from __future__ import annotations

import pytest

from shooting import catalogue
from shooting.expected import BEYOND_THE_WORKER
from shooting.modes import WORKERS

needs_catalogue = pytest.mark.skipif(not catalogue.all_cases(), reason="the catalogue is not beside this checkout")


@needs_catalogue
@pytest.mark.kernel
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", catalogue.acts(), ids=lambda case: case.name)
async def test_a_plugin_in_a_real_worker_cannot(shooting_range, workers, case):
    control = shooting_range("control")
    catalogue.equip(control, case)
    shot = control.shoot((), case)
    if not shot.escaped:
        pytest.skip(f"cannot be done on this machine even without a sandbox: {shot.output[-200:]}")
    for tier in offered():
        at = shooting_range(tier)
        catalogue.equip(at, case)
        shot = await workers.shoot(at, case, WORKERS[tier])
        assert shot.escaped == (case.name in BEYOND_THE_WORKER[tier]), shot.output[-500:]


def offered():
    """Every tier is tried by ``matrix.py``, which takes its time; here is the one that most plugins run in."""
    return ["standard"]
