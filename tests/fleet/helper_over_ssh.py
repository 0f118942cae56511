"""Calls of the helper's verbs over SSH, as the bot makes them. Text comes out; bytes and streams: `helper_inside`."""

import json
from typing import Any

import asyncssh

from adapters.wsl.helper import HELPER

ALL = "forwarding,containers,ipam,backup"
"""All areas of the helper."""


async def call(login: asyncssh.SSHClientConnection, verb: str, given: bytes = b"") -> tuple[int | None, bytes, str]:
    """Returns exit code, standard output and standard error of a verb."""
    done = await login.run(f"sudo -n {HELPER} {verb}", input=given, encoding=None)
    assert isinstance(done.stdout, bytes)
    assert isinstance(done.stderr, bytes)
    return done.exit_status, done.stdout, done.stderr.decode()


async def read(login: asyncssh.SSHClientConnection, verb: str) -> list[Any]:
    """Returns the JSON objects that a verb prints."""
    code, output, error = await call(login, verb)
    assert (0, "") == (code, error), (verb, code, error)
    return [json.loads(line) for line in output.splitlines()]
