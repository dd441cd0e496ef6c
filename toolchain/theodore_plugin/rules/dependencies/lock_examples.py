"""Locks for the examples of the rules about locks."""

from __future__ import annotations

HEAD = '# file: pylock.toml\nlock-version = "1.0"\ncreated-by = "theodore-plugin"\n'
SHA256 = "0" * 64


def package(name: str, version: str | None = "0.28.1", *, files: str | None = None, more: str = "") -> str:
    """Write one ``[[packages]]`` table; ``files`` replaces its wheels."""
    stated = f'version = "{version}"\n' if version else ""
    wheel = f"{name}-{version or '0.28.1'}-py3-none-any.whl"
    wheels = f'wheels = [{{ path = "{wheel}", hashes = {{ sha256 = "{SHA256}" }} }}]\n'
    return f'\n[[packages]]\nname = "{name}"\n{stated}{more}{wheels if files is None else files}'


def lock(*packages: str) -> str:
    """Write a ``pylock.toml``."""
    return HEAD + "".join(packages)
