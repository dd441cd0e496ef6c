import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.advisories.source import AdvisorySource, Kind
from theodore_plugin.project import PluginProject
from theodore_plugin.settings import Options, Persona, Settings


def project(tmp_path, table=""):
    root = tmp_path / "project"
    (root / "src" / "demo").mkdir(parents=True)
    (root / "src" / "demo" / "__init__.py").write_text("")
    (root / "pyproject.toml").write_text(f'[project]\nname = "demo"\nversion = "1"\n\n{table}')
    return PluginProject.open(root)


def test_defaults(tmp_path):
    settings = Settings.load(project(tmp_path))
    assert (settings.policy.name, settings.advisories, settings.persona) == (
        "default",
        AdvisorySource(Kind.ONLINE),
        Persona.REGULAR,
    )


def test_the_command_line_wins_over_the_project(tmp_path):
    table = '[tool.theodore-plugin]\npolicy = "strict"\nadvisories = "off"\npersona = "auditor"\n'
    mine = project(tmp_path, table)
    assert Settings.load(mine).policy.name == "strict"
    assert Settings.load(mine).advisories.kind is Kind.OFF
    assert Settings.load(mine).persona is Persona.AUDITOR
    options = Options(policy="development", advisories="online", persona="regular")
    settings = Settings.load(mine, options)
    assert (settings.policy.name, settings.advisories.kind, settings.persona) == (
        "development",
        Kind.ONLINE,
        Persona.REGULAR,
    )


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('[tool.theodore-plugin]\npolcy = "strict"', "did you mean 'policy'"),
        ("[tool.theodore-plugin]\npolicy = 3", "policy is text in quotes, not 3"),
        ('[tool]\ntheodore-plugin = "x"', "is not a table"),
        ('[tool.theodore-plugin]\npersona = "boss"', "persona is one of regular, auditor, not 'boss'"),
        ('[tool.theodore-plugin]\npolicy = "../outside.yaml"', "outside the project"),
        ('[tool.theodore-plugin]\npolicy = "gone.yaml"', "gone.yaml"),
        ('[tool.theodore-plugin]\nadvisories = "http://evil.example/"', "advisories is one of online, local, off"),
    ],
)
def test_a_wrong_table_is_explained(tmp_path, table, says):
    with pytest.raises(ConfigurationProblem, match=says) as refused:
        Settings.load(project(tmp_path, table))
    assert refused.value.help or "\n" in refused.value.message or "table" in refused.value.message


def test_several_mistakes_are_listed_at_once_with_their_lines(tmp_path):
    with pytest.raises(ConfigurationProblem) as refused:
        Settings.load(project(tmp_path, '[tool.theodore-plugin]\npolcy = "x"\npersonna = "y"\n'))
    assert "pyproject.toml:6:" in refused.value.message
    assert "pyproject.toml:7:" in refused.value.message


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("online", Kind.ONLINE),
        ("off", Kind.OFF),
        ("https://osv.example/v1/query", Kind.ENDPOINT),
        ("data/a.jsonl.gz", Kind.SNAPSHOT),
    ],
)
def test_sources_of_advisories(text, kind):
    assert AdvisorySource.parse(text).kind is kind


@pytest.mark.parametrize("text", ["", "offline", "ftp://x/", "file:///etc/passwd", "a.json"])
def test_what_is_no_source_of_advisories_is_refused(text):
    with pytest.raises(ConfigurationProblem) as refused:
        AdvisorySource.parse(text)
    assert "--advisories" in (refused.value.help or "") or "snapshot" in (refused.value.help or "")
