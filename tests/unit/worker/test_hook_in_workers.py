"""Which hook a worker runs is told, and with the extension nothing that could call foreign functions was ever there."""

from __future__ import annotations

import ast

import pytest

from theodore_loader.sandbox import native

CTYPES = """
def below(kind):
    yield kind
    for derived in type.__subclasses__(kind): yield from below(derived)
hook = sys.modules.get("theodore_loader.sandbox.native._hook")
return say((
    sorted(name for name in sys.modules if "ctypes" in name),
    sorted({kind.__module__ for kind in below(object) if "ctypes" in kind.__module__}),
    hook is not None,
))
"""


async def test_a_receipt_tells_which_hook_runs(start):
    running = await start("return say(1)")
    (detail,) = [layer.detail for layer in running.worker.receipt.layers if layer.name == "hook"]
    assert detail.startswith("c: extension " if native.extension() else f"python: {native.why_not()}")


@pytest.mark.skipif(native.extension() is None, reason=native.why_not())
async def test_with_the_extension_no_worker_holds_foreign_functions(start):
    worker = await start(CTYPES)
    assert ast.literal_eval(await worker.scrape()) == ([], [], True)
