"""What Slack tells the app: the payloads of commands, clicks and events."""

import secrets
from collections.abc import Mapping
from typing import Any

from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import BOT_USER, Channel, Person, Seed


def command(seed: Seed, person: Person, channel: Channel, words: tuple[str, str], response_url: str) -> dict[str, str]:
    """A slash command; `words` are the command and everything after its first space.

    Whether a person of another organisation may use the command in a shared channel is not documented. Here they
    may, and their own team's id is sent: the harder case for the app.
    """
    shown = "directmessage" if channel.direct else "privategroup" if channel.private else channel.name
    return {
        "token": "lab",
        "team_id": person.team,
        "team_domain": seed.domain,
        "channel_id": channel.id,
        "channel_name": shown,
        "user_id": person.id,
        "user_name": person.name,
        "command": words[0],
        "text": words[1],
        "api_app_id": seed.app,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": _trigger_id(),
    }


def click(seed: Seed, person: Person, message: Message, action_id: str, response_url: str) -> dict[str, Any]:
    """A click on a button of a message; a `KeyError` where the message has no such button."""
    block, element = _element(message, action_id)
    return {
        "type": "block_actions",
        "token": "lab",
        "api_app_id": seed.app,
        "team": {"id": seed.team, "domain": seed.domain},
        "enterprise": None,
        "is_enterprise_install": False,
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team},
        "channel": {"id": message.channel},
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": message.private_to is not None,
        },
        "message": message.as_json(),
        "state": {"values": {}},
        "actions": [{**element, "block_id": block["block_id"], "action_ts": message.ts}],
        "response_url": response_url,
        "trigger_id": _trigger_id(),
    }


def event(seed: Seed, happened: Mapping[str, Any], at: float) -> dict[str, Any]:
    """An event that the app subscribes to; `at` in seconds since 1970."""
    return {
        "token": "lab",
        "team_id": seed.team,
        "api_app_id": seed.app,
        "type": "event_callback",
        "event_id": f"Ev{secrets.token_hex(5).upper()}",
        "event_time": int(at),
        "authorizations": [{"team_id": seed.team, "user_id": BOT_USER, "is_bot": True}],
        "event": happened,
    }


def _trigger_id() -> str:
    return f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"


def _element(message: Message, action_id: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    for block in message.blocks:
        for element in (*block.get("elements", ()), block.get("accessory", {})):
            if element.get("action_id") == action_id:
                return block, element
    raise KeyError(f"the message has nothing with the action_id {action_id}")
