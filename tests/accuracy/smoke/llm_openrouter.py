"""Register models, list them, and look at the key."""

from contextlib import suppress

import click
import llm_openrouter
from click.testing import CliRunner

found = []


def attempt(action):
    with suppress(Exception):
        action()


attempt(lambda: llm_openrouter.get_openrouter_models(skip_cache=True))
attempt(llm_openrouter.get_openrouter_models)
attempt(llm_openrouter.get_model_ids)
attempt(lambda: llm_openrouter.register_models(lambda *models, **_: found.extend(models)))


@click.group()
def group():
    """Hold the commands that the package registers."""


attempt(lambda: llm_openrouter.register_commands(group))
for arguments in (["models"], ["models", "--json"], ["models", "--free"], ["refresh"], ["key", "--key", "k"]):
    CliRunner().invoke(group, ["openrouter", *arguments])
