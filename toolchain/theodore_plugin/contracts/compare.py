"""Does a class satisfy a contract? Compared from facts alone, by the substitution rules of method calls.

Three answers: it does, it does not (with the line), or it cannot be said (``unprovable-interface``, with the
reason). What a foreign base class, an unknown decorator or code that computes members may do is never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from theodore_plugin.contracts.awaiting import gives
from theodore_plugin.contracts.hooks import meant
from theodore_plugin.contracts.members import ClassMembers, Implementation, Member
from theodore_plugin.contracts.model import Contract, ContractAttribute, ContractMethod
from theodore_plugin.contracts.shape import Gives, Plain, Shape, Unclear
from theodore_plugin.contracts.signature import signature_problem
from theodore_plugin.facts import model as m
from theodore_plugin.finding import Location

MISSING, SIGNATURE, ASYNC = "missing-method", "signature-mismatch", "async-mismatch"
UNKNOWN_HOOK, UNPROVABLE = "unknown-hook", "unprovable-interface"
_ITERATORS = ("Iterator", "Iterable", "Generator")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One way in which a class does not satisfy a contract; ``rule`` names the rule that reports it."""

    rule: str
    location: Location
    message: str
    help: str
    subject: str


@dataclass(frozen=True, slots=True)
class _Open:
    """A member that could not be compared, and why."""

    member: str
    why: str
    location: Location


def compare(members: ClassMembers, contract: Contract) -> Iterator[Mismatch]:
    """Compare a class with a contract, own and inherited members alike."""
    return _Comparison(members, contract).mismatches()


class _Comparison:
    def __init__(self, members: ClassMembers, contract: Contract) -> None:
        self.members = members
        self.cls = members.cls
        self.contract = contract
        self._open: list[_Open] = []

    def mismatches(self) -> Iterator[Mismatch]:
        if self.members.doubts:
            for doubt in self.members.doubts:
                self._leave(f"all of {self.contract.name}", doubt)
        else:
            for method in self.contract.methods.values():
                yield from self._method(method, self._find(method.name))
            for attribute in self.contract.attributes.values():
                yield from self._attribute(attribute, self._find(attribute.name))
            yield from self._misspelt()
        yield from self._unproven()

    def _find(self, name: str) -> Member:
        return self.members.find(name, self.contract if self.contract.is_base else None)

    def _method(self, method: ContractMethod, member: Member) -> Iterator[Mismatch]:
        if not member.implementations:
            yield from self._not_implemented(method, member)
        elif member.standing_before is not None and method.abstract:
            yield self._hidden(method, member)
        elif member.doubts:
            self._leave(f"{method.name}()", member.doubts[0])
        else:
            if member.absent and method.abstract:
                self._leave(f"{method.name}()", "it is defined on some paths only", member.implementations[0].location)
            for implementation in member.implementations:
                yield from self._check(implementation, method)

    def _not_implemented(self, method: ContractMethod, member: Member) -> Iterator[Mismatch]:
        if not method.abstract:
            return
        if member.doubts:
            self._leave(f"{method.name}()", member.doubts[0])
        elif not self.contract.is_base and not method.name.startswith("__") and self.members.has_dynamic_lookup():
            self._leave(f"{method.name}()", "__getattr__ may supply it")
        else:
            yield self._missing(method, f"does not implement {method.name}(), which {method.owner} requires")

    def _hidden(self, method: ContractMethod, member: Member) -> Mismatch:
        owner = member.implementations[0].owner.node.name
        before = member.standing_before
        why = f"inherits {method.name}() from {owner}, but {before} stands before it and leaves it abstract"
        found = self._missing(method, why)
        return Mismatch(found.rule, found.location, found.message, f"name {owner} first among the bases", found.subject)

    def _missing(self, method: ContractMethod, what: str, location: Location | None = None) -> Mismatch:
        name = self.cls.node.name
        where = location or self.cls.node.name_span.at(self.cls.module.path)
        return Mismatch(MISSING, where, f"{name} {what}", f"add: {method}", f"{name}.{method.name}")

    def _check(self, found: Implementation, method: ContractMethod) -> Iterator[Mismatch]:
        subject = f"{found.owner.node.name}.{method.name}"
        form = found.form
        if isinstance(form, Unclear):
            self._leave(f"{method.name}()", form.why, found.location)
        elif isinstance(form, Plain):
            message = f"{subject} is {form.what}, but the host calls it"
            yield Mismatch(SIGNATURE, found.location, message, f"write: {method}", subject)
        elif form.is_abstract or form.is_overload:
            state = "is still abstract" if form.is_abstract else "has overloads and no implementation"
            if method.abstract:
                yield self._missing(method, f"cannot be used: {method.name}() {state}", found.location)
        else:
            yield from self._callable(found, form, method, subject)

    def _callable(self, found: Implementation, form: Shape, method: ContractMethod, subject: str) -> Iterator[Mismatch]:
        if form.is_property:
            message = f"{subject} is a property, but the host calls it"
            yield Mismatch(SIGNATURE, found.location, message, f"write: {method}", subject)
            return
        given = gives(self.members.names, found.owner, form)
        if given is Gives.UNKNOWN and method.kind != "sync":
            self._leave(f"{method.name}()", "whether it returns something to await is not known", found.location)
        difference = call_difference(given, method)
        if difference:
            yield Mismatch(ASYNC, found.location, f"{subject} {difference}", f"write: {method}", subject)
        parameters = form.bound()
        problem = (
            "it has no parameter for the object itself"
            if parameters is None
            else signature_problem(parameters, method.parameters)
        )
        if problem:
            yield Mismatch(SIGNATURE, found.location, f"{subject}: {problem}", f"write: {method}", subject)

    def _attribute(self, attribute: ContractAttribute, member: Member) -> Iterator[Mismatch]:
        name = self.cls.node.name
        for found in member.implementations:
            form = found.form
            if isinstance(found.definition, m.Function) and isinstance(form, Shape) and not form.is_property:
                message = f"{name}.{attribute.name} is a method, but the host reads it as a value"
                yield Mismatch(SIGNATURE, found.location, message, "make it a property", f"{name}.{attribute.name}")
        if not attribute.required or member.implementations:
            return
        if member.doubts:
            self._leave(attribute.name, member.doubts[0])
        elif attribute.name not in {*self.members.instance_attributes()}:
            message = f"{name} has no attribute {attribute.name}, which {attribute.owner} requires"
            where = self.cls.node.name_span.at(self.cls.module.path)
            help_text = f"add: {attribute.name}: {attribute.annotation or 'object'} = …"
            yield Mismatch(MISSING, where, message, help_text, f"{name}.{attribute.name}")

    def _misspelt(self) -> Iterator[Mismatch]:
        absent = [name for name in self.contract.methods if not self._find(name).implementations]
        used = called_on_self(self.members)
        for name in self.members.names_bound():
            if name in self.contract.methods or (name.startswith("_") and not name.endswith("__")):
                continue
            for found in self.members.find(name).implementations:
                hook = meant(name, absent) if isinstance(found.form, Shape) else None
                if hook is None or (name in used and not self.contract.methods[hook].abstract):
                    continue
                message = (
                    f"{self.cls.node.name}.{name}() is no hook of {self.contract.name}; the host will never call it"
                )
                subject = f"{self.cls.node.name}.{name}"
                yield Mismatch(UNKNOWN_HOOK, found.location, message, f"did you mean {hook}?", subject)

    def _leave(self, member: str, why: str, location: Location | None = None) -> None:
        self._open.append(_Open(member, why, location or self.cls.node.name_span.at(self.cls.module.path)))

    def _unproven(self) -> Iterator[Mismatch]:
        grouped: dict[tuple[Location, str], list[str]] = {}
        for item in self._open:
            grouped.setdefault((item.location, item.why), []).append(item.member)
        name = self.cls.node.name
        for (location, why), members in grouped.items():
            message = f"{name}: {', '.join(dict.fromkeys(members))} cannot be compared with {self.contract.name}: {why}"
            help_text = "define the members in the class itself, plainly, so that they can be compared"
            yield Mismatch(UNPROVABLE, location, message, help_text, name)


def called_on_self(members: ClassMembers) -> frozenset[str]:
    """Return the names the class's own code calls or reads on ``self``."""
    nodes = (node for item in members.own for node in m.walk(item.node.body))
    return frozenset(
        node.attr
        for node in nodes
        if isinstance(node, m.Attribute) and isinstance(node.value, m.Name) and node.value.id == "self"
    )


def call_difference(given: Gives, wanted: ContractMethod) -> str | None:
    """Say how what a call gives differs from what the host does with it, or ``None``."""
    if given is Gives.UNKNOWN:
        return None
    if wanted.streams:
        if given is Gives.STREAM or (given is Gives.AWAITABLE and wanted.kind == "async"):
            return None
        return f"is {_KINDS[given]}, but the host iterates over it with async for"
    if wanted.kind == "sync":
        iterates = (wanted.returns or "").partition("[")[0].endswith(_ITERATORS)
        fits = given is Gives.VALUE or (given is Gives.GENERATOR and iterates)
        return None if fits else f"is {_KINDS[given]}, but the host calls it without await"
    return None if given is Gives.AWAITABLE else f"is {_KINDS[given]}, but the host awaits it"


_KINDS = {
    Gives.VALUE: "not async",
    Gives.AWAITABLE: "async",
    Gives.GENERATOR: "a generator",
    Gives.STREAM: "an async generator",
}
