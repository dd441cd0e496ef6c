"""The plugins of running hosts as rows of a table, for ``ps`` and ``top``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from rich.console import Group
from rich.table import Table
from rich.text import Text

from theodore_plugin.cli.console import visible

_STATES = {
    "ready": "green",
    "quarantined": "bold red",
    "revoked": "bold red",
    "backoff": "yellow",
    "starting": "cyan",
    "draining": "cyan",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One plugin of one host; figures that are not known are ``None``."""

    name: str
    version: str
    state: str
    pid: int | None
    tier: str
    since: datetime
    calls: int
    in_flight: int
    errors: int
    denials: int
    restarts: int
    cpu_percent: float | None
    memory_bytes: int | None
    marks: tuple[str, ...]
    trouble: str

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> Row:
        """Read one ``PluginStatus`` as it came over the socket."""
        figures = status.get("metrics") or {}
        usage = figures.get("usage") or {}
        return cls(
            name=str(status["name"]),
            version=str(status["version"]),
            state=str(status["state"]),
            pid=status["pid"],
            tier=str(status["tier"] or ""),
            since=datetime.fromisoformat(status["since"]),
            calls=int(figures.get("calls", status["calls"])),
            in_flight=int(status["in_flight"]),
            errors=sum((figures.get("errors") or {}).values()),
            denials=sum((figures.get("denials") or {}).values()),
            restarts=int(status["restarts"]),
            cpu_percent=usage.get("cpu_percent"),
            memory_bytes=usage.get("memory_bytes"),
            marks=tuple(status["marks"]),
            trouble=str(status["last_error"] or "") if status["state"] != "ready" else "",
        )


def rows(host: Mapping[str, Any], sort: str = "name") -> list[Row]:
    """Return a host's plugins, the greatest first unless they are sorted by name."""
    found = [Row.of(status) for status in host["plugins"]]
    keys = {
        "cpu": lambda row: -(row.cpu_percent or 0.0),
        "memory": lambda row: -(row.memory_bytes or 0),
        "calls": lambda row: -row.calls,
        "name": lambda row: row.name,
    }
    return sorted(found, key=keys[sort])


@dataclass(frozen=True, slots=True)
class _Column:
    """One column; ``from_width`` is the narrowest screen that has room for it."""

    title: str
    from_width: int
    cell: Callable[[Row, datetime], Text]
    right: bool = True


_COLUMNS = (
    _Column("PLUGIN", 0, lambda row, _: _name(row), right=False),
    _Column("STATE", 0, lambda row, _: Text(row.state, _STATES.get(row.state, "")), right=False),
    _Column("PID", 90, lambda row, _: Text("" if row.pid is None else str(row.pid))),
    _Column("TIER", 110, lambda row, _: Text(visible(row.tier)), right=False),
    _Column("FOR", 100, lambda row, now: Text(age(row.since, now))),
    _Column("CALLS", 0, lambda row, _: _figure(row.calls)),
    _Column("NOW", 110, lambda row, _: _figure(row.in_flight)),
    _Column("ERRORS", 110, lambda row, _: _figure(row.errors, "yellow")),
    _Column("DENIED", 0, lambda row, _: _figure(row.denials, "red")),
    _Column("RESTARTS", 110, lambda row, _: _figure(row.restarts, "yellow")),
    _Column("CPU", 0, lambda row, _: Text("" if row.cpu_percent is None else f"{row.cpu_percent:.0f} %")),
    _Column(
        "MEMORY", 0, lambda row, _: Text("" if row.memory_bytes is None else f"{row.memory_bytes / 2**20:.1f} MiB")
    ),
)


def screen(hosts: Iterable[Mapping[str, Any]], width: int, sort: str = "name", now: datetime | None = None) -> Group:
    """Return all hosts as text: a line and a table for each, and below it what is wrong with its plugins."""
    moment = now or datetime.now(UTC)
    parts: list[Text | Table] = []
    for host in hosts:
        since = datetime.fromtimestamp(host["since"], UTC)
        head = f"host {host['pid']}  {host['program']}  Python {host['python']}  up {age(since, moment)}"
        plugins = rows(host, sort)
        parts += [Text(visible(head), style="bold", no_wrap=True, overflow="ellipsis"), _table(plugins, width, moment)]
        parts += [Text(visible(f"  {row.name}: {row.trouble}"), style="red") for row in plugins if row.trouble]
    return Group(*parts)


def _table(plugins: list[Row], width: int, now: datetime) -> Table | Text:
    if not plugins:
        return Text("  no plugin is loaded", style="dim")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    columns = [column for column in _COLUMNS if width >= column.from_width]
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.right else "left"
        # a long name is folded; nothing else gives way
        least = None if column.title == "PLUGIN" else len(column.title)
        table.add_column(column.title, justify=justify, no_wrap=least is not None, min_width=least, overflow="fold")
    for row in plugins:
        table.add_row(*(column.cell(row, now) for column in columns))
    return table


def _name(row: Row) -> Text:
    name = Text(visible(f"{row.name} {row.version}"))
    for mark in row.marks:
        name.append(f" [{visible(mark)}]", "bold yellow")
    return name


def _figure(value: int, alarm: str = "") -> Text:
    return Text(str(value), alarm if value else "dim")


def age(since: datetime, now: datetime) -> str:
    """Return how long ago something was, in its two greatest units."""
    seconds = max(0, int((now - since).total_seconds()))
    for size, unit, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            return f"{seconds // size}{unit} {seconds % size // below}{small}"
    return f"{seconds}s"
