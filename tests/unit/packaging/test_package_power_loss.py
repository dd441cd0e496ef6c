"""Power lost while ``package`` writes: the old wheel or the new one is there, never a part of one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from power_loss import COMPILER, PowerLoss, unflushed

from theodore_loader.artifact.wheel import Wheel
from theodore_plugin.packaging.build_record import find_record

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")

WRITE = """
import pickle
from datetime import UTC, datetime
from theodore_loader.artifact.wheel import Wheel
from theodore_plugin.packaging.build_record import BuildRecord
from theodore_plugin.packaging.facts import BuildFacts, BuildRequirement
from theodore_plugin.packaging.package import write_packaged
[path] = (state / "new").iterdir()
wheel = Wheel.read(path.read_bytes(), path.name)
moment = datetime.fromtimestamp(1_700_000_000, UTC)
facts = BuildFacts("x", (BuildRequirement("flit-core", "4.0", "0" * 64, "f.whl"),), "3.11.7", 1_700_000_000)
write_packaged(state / "dist", wheel, BuildRecord(wheel.sha256, None, facts, moment, moment, "0"))
"""


@pytest.mark.parametrize("there", [True, False], ids=["over-an-old-one", "into-nothing"])
def test_a_wheel_is_there_whole_or_not_at_all(make_wheel, tmp_path: Path, there: bool) -> None:
    template, scratch = tmp_path / "template", tmp_path / "scratch"
    scratch.mkdir()
    name, new = make_wheel("alpha", "1.0", "beta")
    old = make_wheel("alpha", "1.0")[1]
    for folder, data in {"new": new, **({"dist": old} if there else {})}.items():
        (template / folder).mkdir(parents=True)
        (template / folder / name).write_bytes(data)
    changes, states = PowerLoss.build(scratch).cut(WRITE, template, torn=True)
    assert unflushed(changes) == []
    seen = set()
    for state in states:
        path = state / "dist" / name
        seen.add(path.read_bytes() if path.exists() else None)
        if path.exists():
            wheel = Wheel.read(path.read_bytes(), name)
            record = find_record(path, wheel.sha256).record
            assert (record is not None) == (wheel.data == new), state
            assert record is None or record.wheel == hashlib.sha256(new).hexdigest()
        whole = {name, f"{name}.build.json"}
        leftovers = {item.name for item in (state / "dist").glob("*")} - whole
        assert all(item.startswith(".") or item.endswith(".tmp") for item in leftovers), leftovers
    assert seen == {old if there else None, new}
