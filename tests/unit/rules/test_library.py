from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.catalogue import RULES
from theodore_plugin.rules.library import ABOUT_ANY_PACKAGE, ABOUT_PLUGINS

PACKAGE = {
    "pyproject.toml": b'[project]\nname = "shelf"\nversion = "1"\n[project.scripts]\nshelf = "shelf:main"\n',
    "shelf.py": b"import os\nimport yaml\n\n\ndef main(command):\n    os.system(command)\n\n\n"
    b"def _inner():\n    os.getenv('X')\n",
}


def analysed(files, **options):
    return analyse(PluginProject.from_files(files), load_policy("default"), **options)


def rules(analysis):
    return {finding.rule for finding in analysis.findings}


def test_every_rule_is_either_about_plugins_or_about_any_package():
    assert not ABOUT_PLUGINS & ABOUT_ANY_PACKAGE
    assert {module.RULE.name for module in RULES} == ABOUT_PLUGINS | ABOUT_ANY_PACKAGE


def test_a_library_is_not_asked_to_be_a_plugin():
    as_plugin, as_library = analysed(PACKAGE), analysed(PACKAGE, as_library=True)
    assert {"manifest-missing", "foreign-entry-point"} <= rules(as_plugin)
    assert rules(as_library) == {"shell-injection", "undeclared-import"}
    assert set(as_library.not_run) == ABOUT_PLUGINS
    assert as_plugin.not_run == ()


def test_what_is_public_of_a_library_is_called_by_somebody():
    found = {item.symbol: item.phase.value for item in analysed(PACKAGE, as_library=True).inference.permissions}
    assert (found["os.system"], found["os.getenv"]) == ("call", "unreached")


def test_a_plugin_can_be_checked_as_a_library_and_its_declaration_does_not_count():
    from theodore_plugin.rules.examples import plugin

    files = {"demo/__init__.py": b"", "demo/plugin.py": plugin(permissions="[]").encode()}
    assert "undeclared-permission" in rules(analysed(files))
    assert "undeclared-permission" not in rules(analysed(files, as_library=True))


def test_where_a_build_script_states_the_dependencies_no_import_counts_as_undeclared():
    dynamic = PACKAGE["pyproject.toml"].replace(b"version", b'dynamic = ["dependencies"]\nversion')
    assert "undeclared-import" not in rules(analysed(PACKAGE | {"pyproject.toml": dynamic}, as_library=True))
    nothing = {"shelf.py": PACKAGE["shelf.py"]}
    assert "undeclared-import" not in rules(analysed(nothing, as_library=True))
