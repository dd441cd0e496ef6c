"""For every test: a throw-away cache folder, no size of a terminal, how long hypothesis searches, a record of the end.

And for the session: while thousands of tests are collected, nothing is looked through for cycles.

``HYPOTHESIS_PROFILE=thorough`` searches a hundred times longer.
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from mypy_base import MypyBase

pytest_plugins = ["how_it_ended"]

# How slowly examples are made says something about the machine alone. What refuses a change is the same in every run;
# chance is left to the thorough search.
SLOW = [HealthCheck.too_slow]
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True, suppress_health_check=SLOW)
settings.register_profile("thorough", max_examples=5_000, deadline=None, suppress_health_check=SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# a parallel run tells its workers a terminal's size; without a terminal there is none
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)

# what checks remember on disk stays out of the user's own cache
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="theodore-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without the cyclic collector, which would walk through them again and again, now and later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()  # what is left over is finalised here, as it would have been
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def mypy_base(tmp_path_factory: pytest.TempPathFactory) -> MypyBase:
    """What mypy learned of the SDK: give it to the state folder of a test that checks."""
    from mypy_base import mypy_base

    folder = tmp_path_factory.getbasetemp()
    return mypy_base(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)
