"""What a class starts or opens is ended where the host expects it."""

from __future__ import annotations

from collections.abc import Mapping

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import OwnClass
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.classes import end_of_block, indentation
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Edit, Fix, NoFix
from theodore_plugin.metadata.plugin_class import own_classes
from theodore_plugin.rules.lifecycle.resources import SHUTDOWN, calls_by_place, methods, resource

RULE = "no-shutdown"
SAFE = False
DOES = (
    "End it in `cleanup()` (or what the class has instead), or add a `close()` that does. Nothing in the class says "
    "when that is to be called, or whether it was started at all: look at both."
)
ENDINGS: Mapping[str, str] = {
    "aiohttp.ClientSession": "await self.{}.close()",
    "asyncio.create_task": "self.{}.cancel()",
    "asyncio.ensure_future": "self.{}.cancel()",
    "builtins.open": "self.{}.close()",
    "concurrent.futures.ProcessPoolExecutor": "self.{}.shutdown()",
    "concurrent.futures.ThreadPoolExecutor": "self.{}.shutdown()",
    "httpx.AsyncClient": "await self.{}.aclose()",
    "httpx.Client": "self.{}.close()",
    "io.open": "self.{}.close()",
    "multiprocessing.Pool": "self.{}.terminate()",
    "requests.Session": "self.{}.close()",
    "requests.session": "self.{}.close()",
    "socket.create_connection": "self.{}.close()",
    "socket.socket": "self.{}.close()",
    "sqlite3.connect": "self.{}.close()",
    "subprocess.Popen": "self.{}.terminate()",
    "threading.Thread": "self.{}.join()",
    "threading.Timer": "self.{}.cancel()",
}
"""How each is ended."""


def fix(finding: Finding, context: FixContext) -> Fix:
    """Write the statement that ends it."""
    cls, attribute = _kept(finding, context)
    ending = _ending(finding, context).format(attribute)
    ends = [item for name, item in methods(context.rules.names, cls).items() if name in SHUTDOWN]
    if len(ends) > 1:
        raise NoFix("the class has several methods that could end it")
    edit = _in_method(context, cls, ends[0], ending) if ends else _new_method(context, cls, ending)
    return Fix(RULE, SAFE, (edit,), f"end self.{attribute}")


def _kept(finding: Finding, context: FixContext) -> tuple[OwnClass, str]:
    name, _, attribute = (finding.subject or "").partition(".")
    for cls in own_classes(context.rules.names):
        span = cls.node.span
        inside = span.line <= finding.location.line <= span.end_line
        if cls.module.path == finding.location.path and cls.node.name == name and inside:
            return cls, attribute
    raise NoFix("the class was not found again")


def _ending(finding: Finding, context: FixContext) -> str:
    made = calls_by_place(context.rules.inference)
    for node in context.around(finding.location, m.Assign):
        found = resource(made, finding.location.path, node.value)
        if found is not None and found[0] in ENDINGS:
            return ENDINGS[found[0]]
    raise NoFix("how it is ended depends on how it was made")


def _in_method(context: FixContext, cls: OwnClass, method: m.Function, ending: str) -> Edit:
    if ending.startswith("await ") and not method.is_async:
        raise NoFix(f"{method.name}() cannot await")
    if method not in cls.node.body or any(isinstance(item, m.Return) for item in method.body):
        raise NoFix(f"{method.name}() ends before it could be ended, or is inherited")
    source = context.source(cls.module.path)
    inside, _ = indentation(source, method)
    offset, before = end_of_block(source, method)
    return source.replace(offset, offset, f"{before}{inside}{ending}\n", joins=True)


def _new_method(context: FixContext, cls: OwnClass, ending: str) -> Edit:
    source = context.source(cls.module.path)
    inside, deeper = indentation(source, cls.node)
    offset, before = end_of_block(source, cls.node)
    head = "async def aclose(self) -> None:" if ending.startswith("await ") else "def close(self) -> None:"
    return source.replace(offset, offset, f"{before}\n{inside}{head}\n{deeper}{ending}\n")
