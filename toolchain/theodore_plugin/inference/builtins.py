"""Builtins and helpers whose *result* matters: reflection, imports, iteration, higher-order functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from theodore_plugin.facts import model as m
from theodore_plugin.inference import texts as strings
from theodore_plugin.inference.attributes import (
    module_items,
    module_values,
    namespace_item,
    note_held,
    read_attribute,
)
from theodore_plugin.inference.binding import set_attribute
from theodore_plugin.inference.containers import ANY, everything, gathered, position_key, site, store
from theodore_plugin.inference.entering import call_method, call_values, hand_over, iterated, partial
from theodore_plugin.inference.escapes import ANY_NAME, note_attribute
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.scopes import Scope, Unit
from theodore_plugin.inference.values import (
    HOLE,
    NOTHING,
    Bound,
    Container,
    Foreign,
    Instance,
    OwnClass,
    OwnFunction,
    OwnModule,
    Parent,
    Value,
    Values,
    ordered,
    texts,
)

Handler = Callable[[Frame, m.Call, list[Values]], Values | None]


def function_call(frame: Frame, path: str, node: m.Call, arguments: list[Values]) -> Values | None:
    """Return the result of an understood function, or ``None`` for the general treatment."""
    handler = _FUNCTIONS.get(path)
    if handler is not None:
        return handler(frame, node, arguments)
    if path.endswith(_NAMESPACE_READS) and arguments:
        owner = path.rpartition(".")[0]
        if owner == "sys.modules":
            return module_items(frame, arguments[0], node.span)
        return namespace_item(frame, owner, arguments[0], node.span)
    return None


_NAMESPACE_READS = tuple(
    f"{owner}.{name}"
    for owner in (".__dict__", "sys.modules", "builtins")
    for name in ("get", "__getitem__", "pop")
    if (owner, name) not in {("builtins", "pop"), ("builtins", "__getitem__")}
)


# ── Reflection ───────────────────────────────────────────────────────────────────────────────────


def _getattr(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    names = texts(arguments[1]) if len(arguments) > 1 else ()
    found: Values = arguments[2] if len(arguments) > 2 else NOTHING
    is_open = not names or any(HOLE in name for name in names) or is_vague(frame, node.arguments[1].value)
    for base in ordered(arguments[0]) if arguments else ():
        for name in names:
            if HOLE not in name:
                found |= read_attribute(frame, base, name, node.span)
        if is_open:
            frame.choose_at_run_time(base, node.span)
            found |= _modules_kept(frame, base)
    note_held(frame, found, node.span)
    bases = arguments[0] if arguments else NOTHING
    for name in (*(name for name in names if HOLE not in name), *((ANY_NAME,) if is_open else ())):
        note_attribute(frame, bases, name, found, node.span)
    return found if names or found else None


def is_vague(frame: Frame, node: m.Expr) -> bool:
    """Whether a name may be another than the strings that are seen: one of several things bound to it is none."""
    if isinstance(node, m.Choice):
        return any(is_vague(frame, option) or not texts(frame.evaluate(option)) for option in node.options)
    scope = frame.scope.find(node.id) if isinstance(node, m.Name) else None
    return scope is not None and isinstance(node, m.Name) and bool(frame.read(("vague", scope.key, node.id)))


def _modules_kept(frame: Frame, base: Value) -> Values:
    """Modules among the attributes of own classes and modules: a name chosen at run time may be any of theirs."""
    if isinstance(base, (Instance, OwnClass)):
        return frame.read(("every", base.key))
    if isinstance(base, OwnModule):
        return _namespace_of(frame, base.key, frame.solver.names.bound_names(base.key))
    return NOTHING


def _namespace_of(frame: Frame, module: str, names: Mapping[str, m.Statement]) -> Values:
    found: Values = NOTHING
    for name in sorted(names):
        for value in frame.read((module, name)):
            if type(value) is Foreign and frame.solver.map.is_module(value.key):
                found |= {value}
    return found


def _attribute_getter(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    """Treat calling an ``operator.attrgetter`` or ``methodcaller`` as choosing an attribute at run time."""
    found: Values = NOTHING
    for base in ordered(arguments[0]) if arguments else ():
        frame.choose_at_run_time(base, node.span)
        found |= _modules_kept(frame, base)
    frame.let_go(found, node.span)
    note_attribute(frame, NOTHING, ANY_NAME, found, node.span)
    return None


def _vars(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if not arguments:
        return _locals(frame, node, arguments)
    found: Values = NOTHING
    for base in ordered(arguments[0]):
        if type(base) is Foreign:
            found |= {Foreign(f"{base.key}.__dict__")}
        elif isinstance(base, (Instance, OwnClass, OwnModule)):
            place = f"namespace:{base.key}"
            store(frame, place, ANY, _modules_kept(frame, base))
            found |= {Container(place)}
    return found


def _globals(frame: Frame, _node: m.Call, _arguments: list[Values]) -> Values | None:
    """``globals()``, ``vars()`` and ``locals()`` give a container of the module's names, read by constant key."""
    outermost = frame.scope.outermost
    place = f"globals:{outermost.key}"
    for name in sorted(outermost.bound):
        store(frame, place, name, frame.read((outermost.key, name)))
    store(frame, place, "__builtins__", frozenset({Foreign("builtins")}))
    return frozenset({Container(place)})


def _locals(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    scope = frame.scope
    if scope.parent is None or scope.class_key:
        return _globals(frame, node, arguments)
    place = f"globals:{scope.key}"
    for name in sorted(scope.bound):
        store(frame, place, name, frame.read((scope.key, name)))
    return frozenset({Container(place)})


def _setattr(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if len(arguments) == 3:
        for base in ordered(arguments[0]):
            for name in texts(arguments[1]) or (ANY,):
                set_attribute(frame, base, name, arguments[2], node.span)
    return None


def _type(frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    if len(arguments) != 1:
        return None
    found: Values = frozenset(OwnClass(value.key) for value in arguments[0] if isinstance(value, Instance))
    if any(isinstance(value, (OwnFunction, Bound)) for value in arguments[0]):
        found |= {Foreign("types.FunctionType")}
    found |= {Foreign(value.key[:-2]) for value in arguments[0] if type(value) is Foreign and value.key.endswith("()")}
    return found or None


def _super(frame: Frame, _node: m.Call, _arguments: list[Values]) -> Values | None:
    """Return what stands behind ``super()``: for every object the method may be called on, the next class in line."""
    method = enclosing_method(frame)
    if method is None or method.owner is None:
        return None
    first = frame.read((method.scope.key, method.parameters[0].name)) if method.parameters else NOTHING
    owners = [value.key for value in ordered(first) if isinstance(value, (Instance, OwnClass))]
    return frozenset(Parent(method.owner, owner) for owner in owners or [method.owner])


def enclosing_method(frame: Frame) -> Unit | None:
    """Return the method around this code, or ``None``."""
    scope: Scope | None = frame.scope
    while scope is not None:
        unit = frame.solver.units.get(scope.key)
        if unit is not None and unit.owner is not None:
            return unit
        scope = scope.parent
    return None


def _import(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    names = [name for name in (texts(arguments[0]) if arguments else ()) if HOLE not in name]
    if any(name.startswith(".") for name in names):
        packages = texts(arguments[1]) if len(arguments) > 1 else ()
        names = [_resolved(name, package) for name in names for package in packages if HOLE not in package]
        if not names:
            frame.refer("builtins.<computed attribute>", node.span)
    if not names:
        return None
    whole = isinstance(node.callee, m.Attribute) or (m.dotted(node.callee) or "") != "__import__"
    targets = [name if whole else name.split(".", 1)[0] for name in names]
    return frozenset(value for target in targets for value in module_values(frame, target))


def _resolved(name: str, package: str) -> str:
    """Return the module a relative name stands for, as ``importlib.util.resolve_name`` does."""
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - level + 1])
    return f"{base}.{name[level:]}".strip(".")


# ── Iteration and higher-order functions ─────────────────────────────────────────────────────────


def _same(_frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    return arguments[0] if arguments else None


def _iter(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if len(arguments) > 1:  # iter(callable, sentinel)
        place = site(frame, node)
        store(frame, place, ANY, call_values(frame, arguments[0], [], node.span))
        return frozenset({Container(place)})
    return _collected(frame, node, arguments)


def _collected(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    """Collect what iterating over the first argument gives; containers stay themselves and keep their keys."""
    if not arguments:
        return frozenset({Container(site(frame, node))})
    own = [value for value in arguments[0] if isinstance(value, Instance)]
    if not own:
        return arguments[0]
    place = site(frame, node)
    store(frame, place, ANY, iterated(frame, frozenset(own), node.span))
    return arguments[0] - frozenset(own) | {Container(place)}


def _sorted(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    for argument, values in zip(node.arguments, arguments, strict=True):
        if argument.keyword == "key":
            call_values(frame, values, [iterated(frame, arguments[0], node.span)], node.span)
    return gathered(frame, site(frame, node), arguments[0]) if arguments else None


def _chosen(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    """``min`` and ``max``: one of the items."""
    items = _sorted(frame, node, arguments)
    return NOTHING if items is None else everything(frame, items) | frozenset().union(*arguments)


def _map(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if not arguments:
        return None
    place = site(frame, node)
    for position, functions in enumerate(arguments):  # the function comes first, and is called wherever it stands
        inputs = [iterated(frame, values, node.span) for index, values in enumerate(arguments) if index != position]
        store(frame, place, ANY, call_values(frame, _callable(functions), inputs, node.span))
    return frozenset({Container(place)})


def _callable(values: Values) -> Values:
    return frozenset(value for value in values if not isinstance(value, (Container, OwnModule)))


def _filter(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if len(arguments) != 2:
        return None
    call_values(frame, arguments[0], [iterated(frame, arguments[1], node.span)], node.span)
    return gathered(frame, site(frame, node), arguments[1])


def _reduce(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if len(arguments) < 2:
        return None
    items = iterated(frame, arguments[1], node.span).union(*arguments[2:])
    place = f"{site(frame, node)}:reduced"
    known = frame.read(("all", place))
    found = call_values(frame, arguments[0], [items | known, items], node.span)
    store(frame, place, ANY, found)
    return found | items


def _next(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if not arguments:
        return None
    found = everything(frame, arguments[0])
    for value in ordered(arguments[0]):
        if isinstance(value, Instance):
            found |= call_method(frame, value.key, "__next__", (), node.span)
        elif type(value) is Foreign:
            found |= {value}
    return found.union(*arguments[1:])


def _enumerate(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    return _tuples(frame, node, [NOTHING, *arguments[:1]])


def _tuples(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    """``zip``: tuples of one item of each."""
    place = site(frame, node)
    for position, values in enumerate(arguments):
        store(frame, f"{place}:item", position_key(position), iterated(frame, values, node.span))
    store(frame, place, ANY, frozenset({Container(f"{place}:item")}))
    return frozenset({Container(place)})


def _dict(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    place = site(frame, node)
    for argument, values in zip(node.arguments, arguments, strict=True):
        if argument.keyword not in {None, "*", "**"}:
            store(frame, place, str(argument.keyword), values)
            continue
        frame.let_go(values, node.span)
        for pair in ordered(everything(frame, values)):  # of pairs, or the values of another dict
            inside = everything(frame, frozenset({pair}))
            store(frame, place, ANY, inside if isinstance(pair, Container) and inside else frozenset({pair}))
    return frozenset({Container(place)})


def _partial(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if not arguments:
        return None
    hand_over(frame, arguments[1:], node.span)
    foreign = frozenset(value for value in arguments[0] if type(value) is Foreign)
    own = arguments[0] - foreign
    if not own:
        return foreign
    keywords = [argument.keyword for argument in node.arguments[1:]]
    return foreign | partial(frame, site(frame, node), own, list(zip(keywords, arguments[1:], strict=True)))


_FUNCTIONS: Mapping[str, Handler] = {
    **strings.FUNCTIONS,
    "builtins.getattr": _getattr,
    "inspect.getattr_static": _getattr,
    "builtins.setattr": _setattr,
    "builtins.__import__": _import,
    "builtins.super": _super,
    "builtins.type": _type,
    "builtins.globals": _globals,
    "builtins.locals": _locals,
    "builtins.vars": _vars,
    "operator.attrgetter()": _attribute_getter,
    "operator.methodcaller()": _attribute_getter,
    "builtins.iter": _iter,
    "builtins.aiter": _iter,
    "builtins.next": _next,
    "builtins.anext": _next,
    "builtins.list": _collected,
    "builtins.tuple": _collected,
    "builtins.set": _collected,
    "builtins.frozenset": _collected,
    "builtins.reversed": _collected,
    "builtins.sorted": _sorted,
    "builtins.min": _chosen,
    "builtins.max": _chosen,
    "builtins.map": _map,
    "builtins.filter": _filter,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _tuples,
    "builtins.dict": _dict,
    "collections.OrderedDict": _dict,
    "collections.deque": _collected,
    "builtins.classmethod": _same,
    "builtins.staticmethod": _same,
    "copy.copy": _same,
    "copy.deepcopy": _same,
    "functools.partial": _partial,
    "functools.partialmethod": _partial,
    "functools.reduce": _reduce,
    "importlib.__import__": _import,
    "importlib.import_module": _import,
}
