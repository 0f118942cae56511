"""Likeness of the nginx.conf that a new host gets to those of other gateways: its code runs there with all rights.

approvers see what differs from the file of one member, not that whole file ─▶ one more gateway must have the same code
"""

import asyncio
from collections.abc import Sequence

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.configuration import ConfigurationFile, ReadConfiguration
from commands.checks.concurrent_reads import read_all_hosts
from commands.configuration.gateway_copy import renumber_gateway
from commands.configuration.lua_table import split_tokens
from commands.configuration.nginx import parse_nginx
from commands.configuration.splice import UnsuitableText, apply_splices, view_bytes
from commands.joining.peer_parts import list_gateways
from commands.joining.sight import NewHost
from commands.model.operation import FleetView
from commands.model.phrases import list_some
from commands.planning.commit_confirm import get_windows_side

MAX_COMPARED = 4
"""Other gateways whose files are read. One hostile host cannot have made all of them."""

Meaning = tuple[str, tuple[str, ...]]
"""What a file means: the digest of its directives, and the words of its Lua code."""


async def find_unlike_gateways(new: NewHost, peers: Sequence[str], view: FleetView) -> Phrase | None:
    """Finds out whether no other gateway has the file that the new host gets. None also where there is no other one."""
    pattern = new.pattern.gateway
    if pattern is None or new.host.gateway is None or new.state.gateway_config:
        return None
    gateways = list_gateways(new, view.fleet.inventory)
    others = [each for each in gateways if each.windows is not None and each.name != new.pattern.host.name][:MAX_COMPARED]
    wanted = await asyncio.to_thread(_translate, pattern, new.pattern.host.id, new, peers)

    async def is_alike(host: Host) -> bool:
        seen: ReadResult[ConfigurationFile]
        seen = await view.fleet.read(host, ReadConfiguration.of(get_windows_side(host).paths.gateway_config))
        if isinstance(seen.outcome, HostError):
            return False
        return await asyncio.to_thread(_translate, seen.outcome, host.id, new, peers) == wanted

    if not others or any(await read_all_hosts(others, is_alike, view)):
        return None
    return Phrase(
        "{host} gets the code in nginx.conf of {pattern}, which no other gateway has like that. Compare it with {others} "
        "before you approve",
        host=new.name,
        pattern=new.pattern.host.name,
        others=list_some([each.name for each in others]),
    )


def _translate(file: ConfigurationFile, number: int, new: NewHost, peers: Sequence[str]) -> Meaning | None:
    """Translates the file of a gateway into that of the new host; None if that is not possible."""
    try:
        text = apply_splices(file.content, renumber_gateway(file.content, number, new.host.id, peers))
        parsed = parse_nginx(text)
    except UnsuitableText:
        return None
    view = view_bytes(text)
    words = (token for block in parsed.lua_blocks for token in split_tokens(view, block.begin, block.end))
    return parsed.digest, tuple(word.text for word in words if word.kind != "comment")
