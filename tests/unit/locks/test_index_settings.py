"""What pip is configured for, read as pip reads it, and what ``UV_*`` variables say over it."""

from __future__ import annotations

import os

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.packaging.index_settings import PUBLIC_INDEX, IndexSettings, read_index_settings

PIP_CONFIG = """\
[global]
index-url = https://user:secret@index.example.com/simple
extra-index-url =
    https://extra.example.com/simple
    file:///srv/mirror/simple
trusted-host = index.example.com extra.example.com
cert = /etc/company.pem
timeout = 7
[download]
find-links = /srv/wheels
[install]
index-url = https://other.example.com/simple
[list]
format = columns
"""


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Variables of a user whose pip reads one file."""
    file = tmp_path / "pip.conf"
    file.write_text(PIP_CONFIG)
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PIP_CONFIG_FILE": str(file)}


def test_what_downloading_uses_is_taken_over(environment):
    environment["PIP_FIND_LINKS"] = "wheels https://links.example.com/"
    settings = read_index_settings(environment)
    assert settings.index == "https://user:secret@index.example.com/simple"
    assert settings.indexes == (settings.index, "https://extra.example.com/simple", "file:///srv/mirror/simple")
    assert settings.find_links == (os.path.abspath("wheels"), "https://links.example.com/")
    assert settings.trusted_hosts == ("index.example.com", "extra.example.com")
    assert (settings.certificate, settings.timeout) == ("/etc/company.pem", 7)
    assert settings.local_paths == ("/srv/mirror/simple", os.path.abspath("wheels"), "/srv/mirror")
    assert "secret" not in repr(settings)


def test_uv_variables_win_setting_by_setting(environment):
    environment |= {
        "UV_DEFAULT_INDEX": "main=https://uv.example.com/simple?a=b",
        "UV_INDEX": "one=https://one.example.com/simple https://two.example.com/simple",
        "UV_INDEX_STRATEGY": "first-index",
    }
    settings = read_index_settings(environment)
    assert settings.indexes == (
        "https://one.example.com/simple",
        "https://two.example.com/simple",
        "https://uv.example.com/simple?a=b",
    )
    assert settings.find_links == ("/srv/wheels",)


def test_no_configuration_at_all_and_no_index(environment):
    environment["PIP_CONFIG_FILE"] = os.devnull
    assert read_index_settings(environment).indexes == (PUBLIC_INDEX,)
    environment["PIP_NO_INDEX"] = "1"
    assert read_index_settings(environment).indexes == ()


def test_a_configuration_pip_cannot_read(environment, tmp_path):
    (tmp_path / "pip.conf").write_text("index-url = before any section\n")
    with pytest.raises(ConfigurationProblem, match="pip cannot say"):
        read_index_settings(environment)


def test_the_folder_of_the_home_is_never_opened_for_an_index_in_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert IndexSettings(index=f"file://{tmp_path}/simple").local_paths == (f"{tmp_path}/simple",)
    assert IndexSettings(index="file:///simple").local_paths == ("/simple",)
