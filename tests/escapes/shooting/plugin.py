"""The plugin that makes attempts; a copy of it lies beside each case."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import socket
from typing import Any

from theodore_sdk import HealthStatus, ScraperPlugin, ScrapingResult, ValidationResult


class Canary(ScraperPlugin):
    def get_plugin_info(self):
        raise NotImplementedError("the manifest answers this")

    async def initialize(self, container, config):
        return None

    async def validate_configuration(self, config):
        return ValidationResult.success()

    async def health_check(self):
        return HealthStatus.healthy()

    async def cleanup(self):
        return None

    async def scrape_content(self, request):
        if request.url == "import":
            self.module = importlib.import_module("case")
            return say("")
        order = json.loads(request.url)
        case, canary = order["case"], order["canary"]
        act = self.module.CASES[case][1] if case else getattr(self.module, order.get("function", "attempt"))
        if "function" in order:
            canary["ctrl_fd"] = channel()
        print("imported", flush=True)  # what comes now is the attempt
        result = act(canary)
        if order.get("function") == "attempt":
            return ScrapingResult("", "", 200, True, metadata={"value": result})
        result = str(result)
        await linger(result, getattr(self.module, "AFTER", 0), canary)
        return say(result)


def channel():
    """Find the stream that leads to the host, as an attacker would."""
    for descriptor in range(3, 40):
        try:
            end = socket.socket(fileno=os.dup(descriptor))
        except OSError:
            continue
        with end:
            if end.type == socket.SOCK_STREAM and end.getpeername() == "" and _peer_of(end) != os.getpid():
                os.set_blocking(descriptor, True)
                return descriptor
    return -1


def _peer_of(end):
    return int.from_bytes(end.getsockopt(socket.SOL_SOCKET, 17, 12)[:4], "little")


def say(text):
    return ScrapingResult(url="", content=text, status_code=200, success=True)


async def linger(result: str, seconds: float, canary: dict[str, Any]) -> None:
    if result.startswith("PORT "):
        with open(canary["port_file"] + ".new", "w") as file:  # noqa: ASYNC230 - a few bytes
            file.write(result.removeprefix("PORT "))
        os.rename(canary["port_file"] + ".new", canary["port_file"])
        seconds = 1
    await asyncio.sleep(seconds)
