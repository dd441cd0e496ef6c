"""What importing runs, and what it only gives to a library that may run it."""

import pytest

from theodore_plugin.facts.lowering import lower_all
from theodore_plugin.facts.names import Names
from theodore_plugin.inference.capabilities import shipped_map
from theodore_plugin.inference.infer import infer
from theodore_plugin.inference.model import Phase
from theodore_plugin.project import PluginProject

ACT = "import os\n\n\ndef act():\n    os.system('touch /tmp/seen')\n\n\n"


def at_import(text):
    """Return for each act that importing may run whether a library would have to run it."""
    project = PluginProject.from_files({"demo/__init__.py": text.encode()})
    facts, _ = lower_all(project.files)
    found = infer(Names({str(module.module): module for module in facts.values()}), shipped_map(), ())
    return [item.handed for item in found.permissions if item.phase is Phase.IMPORT]


@pytest.mark.parametrize(
    "code",
    [
        "import llm\n\n\n@llm.hookimpl\ndef hook():\n    act()\n",
        "import click\n\n\n@click.command()\n@click.option('--x')\ndef hook(x):\n    act()\n",
        "import llm\n\n\n@llm.hookimpl\nclass Hook:\n    def __init__(self):\n        act()\n",
        "import llm\n\n\n@llm.hookimpl\ndef hook():\n    def inner():\n        act()\n\n    inner()\n",
    ],
    ids=["hook", "command", "class", "function inside"],
)
def test_a_decorator_of_a_library_is_given_the_function_and_may_never_call_it(code):
    assert at_import(ACT + code) == [True]


@pytest.mark.parametrize(
    "code",
    [
        "act()\n",
        "import threading\n\nthreading.Thread(target=act).start()\n",
        "import trio\n\ntrio.run(act)\n",
        "def at_once(function):\n    return function()\n\n\n@at_once\ndef hook():\n    act()\n",
        "import llm\n\n\n@llm.hookimpl\ndef hook():\n    act()\n\n\nhook()\n",
        "import functools\n\n\n@functools.cache\ndef hook():\n    act()\n\n\nhook()\n",
        "class Hook:\n    act()\n",
    ],
    ids=["call", "thread", "given to a call", "own decorator", "decorated and called", "cached", "class body"],
)
def test_what_importing_calls_is_certain_however_it_gets_there(code):
    assert at_import(ACT + code) == [False]
