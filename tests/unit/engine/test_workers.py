import threading
import time

import pytest

from theodore_plugin.engine.workers import Workers


@pytest.fixture
def seen():
    """How many steps were running at once, at most."""
    return {"now": 0, "most": 0}


@pytest.fixture
def step(seen):
    lock = threading.Lock()

    def run():
        with lock:
            seen["now"] += 1
            seen["most"] = max(seen["most"], seen["now"])
        time.sleep(0.02)
        with lock:
            seen["now"] -= 1

    return run


def test_no_more_scanners_run_than_there_are_processors(step, seen):
    with Workers(3) as workers:
        for pending in [workers.submit(step) for _ in range(9)]:
            pending.result()
    assert seen["most"] == 3


def test_our_own_analysis_takes_a_processor(step, seen):
    with Workers(3) as workers, workers.analysing():
        for pending in [workers.submit(step) for _ in range(6)]:
            pending.result()
    assert seen["most"] == 2


@pytest.mark.parametrize("processors", [1, 2])
def test_one_scanner_runs_however_few_processors_there_are(step, seen, processors):
    with Workers(processors) as workers, workers.analysing():
        for pending in [workers.submit(step) for _ in range(3)]:
            pending.result()
    assert seen["most"] == 1


def test_a_step_that_raises_gives_its_place_back(step):
    with Workers(1) as workers:
        broken = workers.submit(lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            broken.result()
        workers.submit(step).result(timeout=30)


def test_steps_start_in_their_order():
    started = []
    with Workers(1) as workers:
        for number in range(5):
            workers.submit(lambda number=number: started.append(number))
    assert started == list(range(5))
