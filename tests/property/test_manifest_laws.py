from __future__ import annotations

import json
from typing import Any

import jsonschema
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st

from theodore_loader.data import policies_dir
from theodore_loader.errors import Refused
from theodore_loader.manifest import Manifest, ManifestInvalid, from_json, to_json
from theodore_sdk.info import PluginInfo

manifests = st.builds(Manifest, strategies.plugin_infos, strategies.symbols)
SCHEMA = jsonschema.Draft202012Validator(json.loads((policies_dir() / "schemas" / "manifest.schema.json").read_bytes()))


@given(manifests)
def test_reading_gives_back_what_was_written(manifest: Manifest) -> None:
    data = to_json(manifest)
    assert from_json(data) == manifest
    assert to_json(from_json(data)) == data


@given(manifests)
def test_what_is_written_fits_the_published_schema(manifest: Manifest) -> None:
    SCHEMA.validate(json.loads(to_json(manifest)))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_refused(data: bytes) -> None:
    _read(data)


@given(manifests, st.data())
def test_one_damaged_byte_is_read_or_refused(manifest: Manifest, data: st.DataObject) -> None:
    written = bytearray(to_json(manifest))
    at = data.draw(st.integers(0, len(written) - 1))
    written[at] ^= data.draw(st.integers(1, 255))
    _read(bytes(written))


@settings(max_examples=300)
@given(manifests, st.data())
def test_reader_and_published_schema_refuse_the_same_shapes(manifest: Manifest, data: st.DataObject) -> None:
    document = json.loads(to_json(manifest))
    places = list(_places(document))
    path = data.draw(st.sampled_from(places))
    change = data.draw(st.sampled_from(["remove", "rename", None, 5, 5.5, True, "", [], {}, "\x00"]))
    _change(document, path, change)
    if not SCHEMA.is_valid(document):
        assert _read(json.dumps(document).encode()) is None


def _read(data: bytes) -> Manifest | None:
    try:
        return from_json(data)
    except Refused as refusal:
        assert isinstance(refusal, ManifestInvalid)  # noqa: PT017 - refusing is one of two right answers
        assert refusal.rule == "manifest-invalid"  # noqa: PT017
        return None


def _places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    if path[:2] == ("plugin", "configuration_schema"):
        return
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _places(item, (*path, key))


def _change(document: Any, path: tuple[Any, ...], change: Any) -> None:
    for key in path[:-1]:
        document = document[key]
    if change == "remove":
        del document[path[-1]]
    elif change == "rename" and isinstance(document, dict):
        document[f"{path[-1]}x"] = document.pop(path[-1])
    else:
        document[path[-1]] = change


def test_every_field_of_the_metadata_is_in_the_published_schema() -> None:
    fields = set(PluginInfo.__dataclass_fields__)
    assert set(SCHEMA.schema["$defs"]["plugin"]["properties"]) == fields
