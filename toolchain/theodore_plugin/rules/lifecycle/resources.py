"""Things that are started or opened and have to be stopped or closed, and how a class or function deals with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names, OwnClass, module_level
from theodore_plugin.finding import Location
from theodore_plugin.inference.model import Inference
from theodore_plugin.metadata.plugin_class import ancestors

RUNNING: Mapping[str, str] = {
    "asyncio.Server": "a server",
    "asyncio.create_subprocess_exec": "a process",
    "asyncio.create_subprocess_shell": "a process",
    "asyncio.create_task": "a task",
    "asyncio.ensure_future": "a task",
    "asyncio.start_server": "a server",
    "concurrent.futures.ProcessPoolExecutor": "a pool",
    "concurrent.futures.ThreadPoolExecutor": "a pool",
    "http.server.HTTPServer": "a server",
    "http.server.ThreadingHTTPServer": "a server",
    "multiprocessing.Pool": "a pool",
    "multiprocessing.Process": "a process",
    "subprocess.Popen": "a process",
    "threading.Thread": "a thread",
    "threading.Timer": "a timer",
}
OPENED: Mapping[str, str] = {
    "aiohttp.ClientSession": "a client",
    "asyncio.open_connection": "a connection",
    "builtins.open": "a file",
    "httpx.AsyncClient": "a client",
    "httpx.Client": "a client",
    "io.open": "a file",
    "psycopg.connect": "a connection",
    "psycopg2.connect": "a connection",
    "redis.Redis": "a connection",
    "requests.Session": "a client",
    "requests.session": "a client",
    "smtplib.SMTP": "a connection",
    "socket.create_connection": "a connection",
    "socket.socket": "a socket",
    "sqlite3.connect": "a connection",
    "tempfile.NamedTemporaryFile": "a file",
    "tempfile.TemporaryDirectory": "a folder",
    "tempfile.TemporaryFile": "a file",
}
RESOURCES: Mapping[str, str] = {**RUNNING, **OPENED}
ENDINGS = frozenset({"aclose", "cancel", "close", "detach", "join", "kill", "shutdown", "stop", "terminate", "wait"})
"""Methods that end a resource."""
SHUTDOWN = frozenset(
    {
        "__aexit__",
        "__del__",
        "__exit__",
        "aclose",
        "cleanup",
        "close",
        "disconnect",
        "dispose",
        "finish",
        "join",
        "quit",
        "release",
        "server_close",
        "shutdown",
        "stop",
        "teardown",
        "terminate",
    }
)
"""Methods one expects to stop what a class has started."""


def calls_by_place(inference: Inference) -> dict[Location, tuple[str, ...]]:
    """Index what every call stands for by its place."""
    return {call.location: call.callees for call in inference.calls}


def resource(made: Mapping[Location, tuple[str, ...]], path: str, value: m.Expr | None) -> tuple[str, str] | None:
    """Return name and kind of the resource an expression makes: the call itself, awaited, or as one alternative."""
    for node in _alternatives(value):
        if isinstance(node, m.Call):
            for name in made.get(node.span.at(path), ()):
                if name in RESOURCES:
                    return name, RESOURCES[name]
    return None


def _alternatives(value: m.Expr | None) -> Iterator[m.Expr]:
    if isinstance(value, m.Await):
        yield from _alternatives(value.value)
    elif isinstance(value, m.Choice):
        for option in value.options:
            yield from _alternatives(option)
    elif value is not None:
        yield value


def own_attribute(expression: m.Expr) -> str | None:
    """Return ``x`` for ``self.x``."""
    if isinstance(expression, m.Attribute) and isinstance(expression.value, m.Name) and expression.value.id == "self":
        return expression.attr
    return None


def methods(names: Names, cls: OwnClass) -> dict[str, m.Function]:
    """Return a class's methods with those of its own ancestors, the nearest definition of each."""
    found: dict[str, m.Function] = {}
    for owner in ancestors(names, cls)[0]:
        for statement in module_level(owner.node.body):
            if isinstance(statement, m.Function):
                found.setdefault(statement.name, statement)
    return found


def does_nothing(function: m.Function) -> bool:
    """Whether a body has no effect of its own: constants, ``pass``, ``return``, and words to a logger."""
    return all(_is_idle(statement) for statement in function.body)


def _is_idle(statement: m.Statement) -> bool:
    if isinstance(statement, m.Return):
        return statement.value is None or isinstance(statement.value, m.Constant)
    if isinstance(statement, m.ExprStatement):
        value = statement.value.value if isinstance(statement.value, m.Await) else statement.value
        return isinstance(value, m.Constant) or _is_logging(value)
    return isinstance(statement, (m.Import, m.ImportFrom))


def _is_logging(value: m.Expr) -> bool:
    name = (m.dotted(value.callee) or "").rsplit(".", 2) if isinstance(value, m.Call) else []
    return (len(name) > 1 and "log" in name[-2].lower()) or name == ["print"]


def ended_attributes(functions: Iterable[m.Function]) -> frozenset[str]:
    """Return the attributes of ``self`` that some function ends: ``self.file.close()``."""
    nodes = (node for function in functions for node in m.walk(function))
    used = (node for node in nodes if isinstance(node, m.Attribute) and node.attr in ENDINGS)
    names = (own_attribute(node.value) for node in used)
    return frozenset(name for name in names if name is not None)
