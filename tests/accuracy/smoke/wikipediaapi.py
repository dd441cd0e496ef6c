"""Pages, links, categories, search, and the command line, synchronous and asynchronous."""

import asyncio
from contextlib import suppress

import wikipediaapi

wiki = wikipediaapi.Wikipedia(user_agent="smoke (somebody@example.org)", language="en", max_retries=0)


def attempt(action):
    with suppress(Exception):
        action()


page = wiki.page("Python")
for name in ("summary", "text", "sections", "langlinks", "links", "backlinks", "categories", "categorymembers"):
    attempt(lambda name=name: getattr(page, name))
attempt(page.exists)
attempt(lambda: page.fullurl)
attempt(lambda: wiki.search("Python"))
attempt(lambda: wiki.random())
attempt(lambda: wiki.geosearch(coord=wikipediaapi.GeoPoint(1.0, 1.0)))
attempt(lambda: wiki.pages(["Python"]).coordinates())
attempt(lambda: wiki.images(page))


async def asynchronous():
    """Ask through the asynchronous client."""
    client = wikipediaapi.AsyncWikipedia(user_agent="smoke (somebody@example.org)", language="en", max_retries=0)
    await client.page("Python").summary


attempt(lambda: asyncio.run(asynchronous()))


def command_line():
    """Run the command line."""
    from click.testing import CliRunner
    from wikipediaapi import cli

    CliRunner().invoke(cli.cli, ["summary", "Python"])


attempt(command_line)
