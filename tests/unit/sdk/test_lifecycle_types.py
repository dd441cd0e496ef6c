from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_sdk import (
    HealthStatus,
    PluginConfig,
    PluginConfigurationError,
    PluginPermissionError,
    PluginSecurityError,
    ValidationResult,
)

sentences = st.text(min_size=1, max_size=20)


def test_health_is_stamped_with_the_present_moment_in_utc():
    before = datetime.now(UTC)
    status = HealthStatus.healthy()
    assert (status.is_healthy, status.message) == (True, "Plugin is healthy")
    assert before <= status.last_check <= datetime.now(UTC)
    assert status.last_check.utcoffset() == timedelta(0)


def test_unhealthy_says_why_and_copies_its_details():
    details = {"attempts": 3}
    status = HealthStatus.unhealthy("no answer", details)
    details["attempts"] = 4
    assert (status.is_healthy, status.message, status.details) == (False, "no answer", {"attempts": 3})


def test_a_moment_without_timezone_is_refused():
    with pytest.raises(ValueError, match="needs a timezone"):
        HealthStatus(is_healthy=True, message="", last_check=datetime(2025, 1, 1))


@given(st.lists(sentences), st.lists(sentences))
def test_adding_errors_and_warnings_keeps_the_earlier_result(errors: list[str], warnings: list[str]):
    start = ValidationResult.success()
    result = start
    for warning in warnings:
        result = result.with_warning(warning)
    for error in errors:
        result = result.with_error(error)
    assert start == ValidationResult.success()
    assert result.is_valid == (not errors)
    assert (result.errors, result.warnings) == (tuple(errors), tuple(warnings))


def test_a_result_cannot_contradict_itself():
    with pytest.raises(ValueError, match="a valid result carries no errors"):
        ValidationResult(is_valid=True, errors=("wrong",))
    with pytest.raises(ValueError, match="an invalid result says why"):
        ValidationResult.failure([])


def test_one_sentence_is_not_taken_for_a_list_of_characters():
    with pytest.raises(TypeError, match="a list of sentences, got the text 'wrong'"):
        ValidationResult.failure("wrong")
    with pytest.raises(TypeError, match="a list of sentences"):
        ValidationResult.success("odd")


def test_a_result_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        ValidationResult.success().is_valid = False  # type: ignore[misc]


def test_configuration_is_read_only_and_detached_from_its_source():
    data = {"timeout": 30}
    config = PluginConfig(data, {"type": "object"})
    data["timeout"] = 60
    assert (config.get("timeout"), config.get("retries", 3), config.get("absent")) == (30, 3, None)
    with pytest.raises(TypeError):
        config.config_data["timeout"] = 1  # type: ignore[index]


def test_a_required_key_that_is_missing_is_named_with_those_that_are_not():
    config = PluginConfig({"timeout": None})
    assert config.require("timeout") is None
    with pytest.raises(PluginConfigurationError, match=r"'api_key' is not set \(keys that are: timeout\)"):
        config.require("api_key")


def test_configuration_values_stay_out_of_reprs():
    assert "hunter2" not in repr(PluginConfig({"password": "hunter2"}))


def test_a_denied_act_says_what_where_and_by_whom():
    error = PluginPermissionError("network", "api.example.com:443", location="plugin.py:7", enforced_by="broker")
    assert str(error) == (
        "network denied: api.example.com:443 at plugin.py:7 (refused by the broker); no permission covers it:"
        ' declare PermissionType.NETWORK with pattern="api.example.com:443"'
    )
    assert isinstance(error, PluginSecurityError)
