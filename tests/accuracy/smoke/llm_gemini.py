"""Register the models, prompt one, embed, and list models and files."""

import asyncio
from contextlib import suppress

import click
import llm_gemini
from click.testing import CliRunner

found = []
with suppress(Exception):
    llm_gemini.register_models(lambda *models, **_: found.extend(models))
with suppress(Exception):
    llm_gemini.register_embedding_models(lambda model, **_: found.append(model))


@click.group()
def group():
    """Hold the commands that the package registers."""


with suppress(Exception):
    llm_gemini.register_commands(group)
for arguments in (["gemini", "models", "--key", "k"], ["gemini", "files", "--key", "k"]):
    CliRunner().invoke(group, arguments)
for model in found[:2]:
    with suppress(Exception):
        list(model.prompt("hello", key="k", stream=False))


async def ask(model):
    """Prompt an asynchronous model."""
    async for _ in model.prompt("hello", key="k"):
        pass


for model in found[:2]:
    with suppress(Exception):
        asyncio.run(ask(model))
for model in found:
    if hasattr(model, "embed_batch"):
        with suppress(Exception):
            model.key = "k"
            list(model.embed_batch(["text"]))
        break
