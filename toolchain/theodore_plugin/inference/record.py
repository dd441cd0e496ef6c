"""What evaluation saw: calls, references, edges and imports, each under the unit whose execution they belong to.

Sets of values only grow, so what the last evaluation of a statement saw holds what every earlier one saw.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Location
from theodore_plugin.inference.values import Value, Values

if TYPE_CHECKING:
    from theodore_plugin.inference.frame import Frame

COMPUTED = "builtins.<computed attribute>"
"""The capability map's name for an attribute that is chosen at run time."""
UNSEEN = "<unseen code>"
"""The capability map's name for a call of something nothing is known about."""


@dataclass(frozen=True, slots=True)
class SeenCall:
    """A call, as its last evaluation saw it."""

    unit: str
    node: m.Call
    module: m.ModuleFacts
    callees: tuple[str, ...]
    """Foreign names the callee may stand for; empty for a call of own code, or of nothing known."""
    arguments: tuple[Values, ...]
    receiver: Values
    """What the object of a method call may stand for."""
    resolved: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign name with an effect that is used without being called."""

    unit: str
    symbol: str
    location: Location
    item: tuple[str, ...] = ()
    """Strings of the subscript, for ``os.environ["X"]``."""


@dataclass
class Record:
    """What evaluation saw."""

    calls: dict[int, SeenCall] = field(default_factory=dict)
    """By the identity of the call's node."""
    references: dict[tuple[str, str, Location], Reference] = field(default_factory=dict)
    edges: dict[str, dict[str, Location]] = field(default_factory=dict)
    """Caller unit to callee unit to the first call site."""
    called: set[tuple[str, str]] = field(default_factory=set)
    """The edges that are calls; others are functions handed to libraries, which may never call them."""
    initialised: dict[str, dict[str, Location]] = field(default_factory=dict)
    """Unit to the foreign initialisers that run when it makes objects of own classes, and where."""
    imports: dict[tuple[str, str], Location] = field(default_factory=dict)
    """Unit and the foreign module it imports to the first place where it does."""
    travelling: dict[Value, None] = field(default_factory=dict)
    """Modules that are used as values."""
    lost: dict[tuple[str, int, int, str], tuple[Frame, m.Span]] = field(default_factory=dict)
    """Attributes of things nothing is known about, by place and name."""

    def imported(self, unit: str, module: str, location: Location) -> None:
        """Note an import of something foreign."""
        known = self.imports.get((unit, module))
        if known is None or location < known:
            self.imports[unit, module] = location
