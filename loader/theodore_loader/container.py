"""Loaded plugins in the host's own container, and services of that container for plugins.

::

    bindings = Bindings(app)                       # a dependency_injector container, or a dict
    bindings.bind("storage.vector_storage", plugin)
    app.storage.vector_storage()                   # the plugin
    bindings.unbind(plugin)                        # whatever was there before is there again

A container is bound by *name*: that is how hosts refer to what they inject. Several plugins may be bound to one name:
the last one bound is seen, and taking any of them back, in any order, leaves the others. When the last is gone the
container holds nothing of any plugin and nothing of ours.

The other direction is :func:`offered`: a plugin sees of the host what is named there and granted to it, and no more.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Protocol

from theodore_loader.errors import ConfigurationProblem

_ABSENT: Final = object()


class _Slot(Protocol):
    """The place of one name in a container."""

    def fill(self, plugin: object) -> None:
        """Have the name give ``plugin``."""

    def clear(self) -> None:
        """Have the name give what it gave before, or nothing."""


class Bindings:
    """Which plugins are bound to which names of one container. Safe to use from several threads.

    Args:
        container: a ``dependency_injector`` container (an instance, not the declarative class), where a name may lead
            into containers inside (``storage.vector_storage``); or any mutable mapping from names to objects.

    Raises:
        ConfigurationProblem: it is neither.

    """

    def __init__(self, container: Any) -> None:
        self._container = container
        self._slots: dict[str, _Slot] = {}
        self._bound: dict[str, list[object]] = {}
        self._lock = threading.RLock()
        if not isinstance(container, MutableMapping) and not _is_injector(container):
            raise ConfigurationProblem(
                f"{type(container).__name__} is no container that plugins can be bound in",
                help="give an instance of a dependency_injector container, or a dict",
            )

    def bind(self, name: str, plugin: object) -> None:
        """Have ``name`` give ``plugin`` until it is taken back.

        Raises:
            ConfigurationProblem: the name leads through something that is no container.

        """
        with self._lock:
            slot = self._slots.get(name) or _slot(self._container, name)
            slot.fill(plugin)
            self._slots[name] = slot
            self._bound.setdefault(name, []).append(plugin)

    def unbind(self, plugin: object) -> tuple[str, ...]:
        """Take ``plugin`` back from every name it is bound to, and return these."""
        with self._lock:
            names = tuple(name for name, bound in self._bound.items() if any(at is plugin for at in bound))
            for name in names:
                self._take(name, plugin)
        return names

    def names(self, plugin: object) -> tuple[str, ...]:
        """Return the names that ``plugin`` is bound to, also where another plugin covers it."""
        with self._lock:
            return tuple(name for name, bound in self._bound.items() if any(at is plugin for at in bound))

    def clear(self) -> None:
        """Take every plugin back."""
        with self._lock:
            for slot in self._slots.values():
                slot.clear()
            self._slots.clear()
            self._bound.clear()

    def _take(self, name: str, plugin: object) -> None:
        left = [bound for bound in self._bound[name] if bound is not plugin]
        if left:
            self._bound[name] = left
            self._slots[name].fill(left[-1])
        else:
            del self._bound[name]
            self._slots.pop(name).clear()


def _slot(container: Any, name: str) -> _Slot:
    if isinstance(container, MutableMapping):
        return _MappingSlot(container, name)
    *path, last = name.split(".")
    inner = _inner(container, path, name)
    provider = inner.providers.get(last)
    return _NewProviderSlot(inner, last) if provider is None else _ProviderSlot(provider)


class _MappingSlot:
    """A key of a mapping."""

    def __init__(self, mapping: MutableMapping[str, Any], name: str) -> None:
        self._mapping, self._name = mapping, name
        self._before = mapping.get(name, _ABSENT)
        self._ours: object = _ABSENT

    def fill(self, plugin: object) -> None:
        self._mapping[self._name] = self._ours = plugin

    def clear(self) -> None:
        if self._mapping.get(self._name, _ABSENT) is not self._ours:
            return  # the host has put something else there in the meantime, and that is its business
        if self._before is _ABSENT:
            del self._mapping[self._name]
        else:
            self._mapping[self._name] = self._before


class _ProviderSlot:
    """A provider that exists: overridden, and given back with all other overridings in their order."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._ours: Any = None

    def fill(self, plugin: object) -> None:
        if self._ours is None:
            self._ours = _object(plugin)
            self._provider.override(self._ours)
        else:
            self._ours.set_provides(plugin)

    def clear(self) -> None:
        others = [at for at in self._provider.overridden if at is not self._ours]
        if len(others) < len(self._provider.overridden):
            self._provider.reset_override()
            for other in others:
                self._provider.override(other)
        self._ours.set_provides(None)
        self._ours = None


class _NewProviderSlot:
    """A provider the container did not have."""

    def __init__(self, container: Any, name: str) -> None:
        self._container, self._name = container, name
        self._ours: Any = None

    def fill(self, plugin: object) -> None:
        if self._ours is None:
            self._ours = _object(plugin)
            self._container.set_provider(self._name, self._ours)
        else:
            self._ours.set_provides(plugin)

    def clear(self) -> None:
        if self._container.providers.get(self._name) is self._ours:
            delattr(self._container, self._name)
        self._ours.set_provides(None)
        self._ours = None


def _is_injector(container: Any) -> bool:
    return isinstance(getattr(container, "providers", None), Mapping) and hasattr(container, "set_provider")


def _inner(container: Any, path: list[str], name: str) -> Any:
    for part in path:
        container = getattr(container.providers.get(part), "container", None)
        if not _is_injector(container):
            raise ConfigurationProblem(
                f"{name}: {part!r} is no container inside the host's container",
                help="a name has a part for each container it leads through, such as storage.vector_storage",
            )
    return container


def _object(plugin: object) -> Any:
    """Return a provider that gives ``plugin`` itself, uncopied and uncalled."""
    from dependency_injector import providers  # a container of this library is in our hands, so it is installed

    return providers.Object(plugin)


class _Offer:
    """A service that is taken out of the container when it is first called, and again after that."""

    __slots__ = ("_container", "_name")

    def __init__(self, container: Any, name: str) -> None:
        self._container, self._name = container, name

    def __getattr__(self, method: str) -> Any:
        return getattr(_provided(self._container, self._name), method)


def offered(container: Any, names: Mapping[str, str]) -> dict[str, object]:
    """Return services for ``PluginHost(services=...)``: the plugins' names for them -> names in the container.

    Nothing else of the container can be named by a plugin, and each service needs a ``registry`` grant besides. Only
    ``async`` methods can be called (``broker/services.py``). A service is looked up at each call, so that overriding
    it later has its effect.

    Raises:
        ConfigurationProblem: the container has no such name now.

    """
    for name in names.values():
        _provider(container, name)
    return {service: _Offer(container, name) for service, name in names.items()}


def _provided(container: Any, name: str) -> Any:
    found = _provider(container, name)
    return found if isinstance(container, Mapping) else found()


def _provider(container: Any, name: str) -> Any:
    if isinstance(container, Mapping):
        found = container.get(name)
    else:
        *path, last = name.split(".")
        found = _inner(container, path, name).providers.get(last)
    if found is None:
        raise ConfigurationProblem(f"the host's container has nothing named {name!r}", help="name a provider it has")
    return found
