"""From what a user wrote to what a plugin receives."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from theodore_loader.config.conversion import complete
from theodore_loader.config.regexes import MAX_TEXT
from theodore_loader.config.schema_guard import Found, schema_problems
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.strict_json import JsonError, canonical, check_plain

MAX_BYTES = 256 * 1024
MAX_LISTED = 50


class ConfigurationMismatch(ConfigurationProblem):
    """Schema or configuration is not acceptable; ``problems`` are (JSON pointer, message) pairs, without values."""

    def __init__(self, what: str, problems: Sequence[Found], help_: str) -> None:
        self.problems = tuple(problems)
        listed = [f"  {pointer or '/'}: {message}" for pointer, message in self.problems[:MAX_LISTED]]
        if len(self.problems) > MAX_LISTED:
            listed.append(f"  ... and {len(self.problems) - MAX_LISTED} more")
        super().__init__("\n".join([what, *listed]), help=help_)


def prepare_config(schema: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``data`` with defaults and conversions applied, valid under ``schema`` (JSON Schema, draft 2020-12).

    Neither argument is changed. Values never appear in a message: they may be secrets.

    Raises:
        ConfigurationMismatch: the schema is not acceptable, or the data does not fit it; every problem is listed.

    """
    if problems := schema_problems(schema):
        raise ConfigurationMismatch(
            "the plugin's configuration schema is not acceptable:", problems, "report this to the plugin's author"
        )
    _check_data(data)
    try:
        prepared = complete(data, schema, schema)
        problems = sorted(set(_problems(schema, prepared)))
    except (RecursionError, ArithmeticError) as error:
        problems = [("", f"it cannot be checked ({type(error).__name__})")]
    if problems:
        raise ConfigurationMismatch(
            "the configuration does not fit the plugin's schema:", problems, "correct these settings"
        )
    return dict(prepared)


def _check_data(data: Mapping[str, Any]) -> None:
    try:
        check_plain(data)
        _check_keys(data)
        size = len(canonical(data))
    except (JsonError, TypeError, ValueError) as error:
        raise ConfigurationMismatch(
            "the configuration is not plain data:", [("", str(error))], "use JSON values"
        ) from None
    if size > MAX_BYTES:
        found = [("", f"{size:,} bytes are more than {MAX_BYTES:,}")]
        raise ConfigurationMismatch("the configuration is too large:", found, "keep data in files")


def _check_keys(value: Any) -> None:
    """Refuse long keys: a schema's ``patternProperties`` are matched against them."""
    if isinstance(value, Mapping):
        if any(len(key) > MAX_TEXT for key in value):
            raise JsonError(f"a key of more than {MAX_TEXT} characters")
        for item in value.values():
            _check_keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_keys(item)


def _problems(schema: Mapping[str, Any], data: Any) -> Iterator[Found]:
    from referencing import Registry

    # an empty registry fetches nothing; jsonschema's default one would
    for error in _bounded_validator()(schema, registry=Registry()).iter_errors(data):
        yield from _said(error)


@cache
def _bounded_validator() -> Any:
    """Return the draft's validator, matching patterns against short text only."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    return extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not isinstance(instance, str):
        return
    if len(instance) > MAX_TEXT:
        yield ValidationError(f"longer than {MAX_TEXT} characters, too long to match against a pattern")
    elif not re.search(pattern, instance):
        yield ValidationError("does not match")


def _said(error: Any) -> Iterator[Found]:
    """Describe an error by what is wanted, never by the value that is there."""
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error.absolute_path)
    wanted = error.validator_value
    match error.validator:
        case "required":
            yield from ((f"{pointer}/{name}", "missing") for name in wanted if name not in error.instance)
        case "additionalProperties" if wanted is False:
            yield from _unknown(error, pointer)
        case "type":
            yield pointer, f"{wanted if isinstance(wanted, str) else ' or '.join(wanted)} is wanted"
        case "enum":
            yield pointer, f"one of {', '.join(map(str, wanted))[:200]} is wanted"
        case "pattern":
            yield pointer, f"{error.message} (pattern {wanted})"
        case other:
            yield pointer, f"{other} {str(wanted)[:200]} is not fulfilled"


def _unknown(error: Any, pointer: str) -> Iterator[Found]:
    known = list(error.schema.get("properties", ()))
    patterns = list(error.schema.get("patternProperties", ()))
    for name in error.instance:
        if name not in known and not any(re.search(pattern, name) for pattern in patterns):
            close = difflib.get_close_matches(name[:64], known, 1)
            yield f"{pointer}/{name}", f"unknown setting{f'; did you mean {close[0]}?' if close else ''}"
