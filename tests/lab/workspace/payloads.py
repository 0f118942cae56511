"""What Slack tells the app: the payloads of commands, clicks, forms, shortcuts and events."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.lab.workspace.form import Values
from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import BOT_USER, Channel, Person, Seed, UserGroup
from tests.lab.workspace.view import View

Payload = dict[str, Any]


@dataclass(frozen=True)
class Deed:
    """Somebody did something, and Slack gave it a trigger id."""

    seed: Seed
    person: Person
    trigger_id: str

    def command(self, channel: Channel, words: tuple[str, str], response_url: str) -> Payload:
        """A slash command; `words` are the command and everything after its first space.

        Whether a person of another organization may use the command in a shared channel is not documented. Here they
        may, and their own team's id is sent: the harder case for the app.
        """
        return {
            "token": "lab",
            "team_id": self.person.team if self.person.grid is None else self.seed.team,
            "team_domain": self.seed.domain,
            "channel_id": channel.id,
            "channel_name": channel.shown_name,
            "user_id": self.person.id,
            "user_name": self.person.name,
            "command": words[0],
            "text": words[1],
            "api_app_id": self.seed.app,
            "is_enterprise_install": "false",
            "response_url": response_url,
            "trigger_id": self.trigger_id,
        }

    def click(self, message: Message, channel: Channel, action: Payload, values: Values, response_url: str) -> Payload:
        """A click in a message. An ephemeral message is not sent along: Slack does not keep it."""
        thread = {"thread_ts": message.thread_ts} if message.thread_ts else {}
        kept = {} if message.private_to else {"message": message_json(self.seed, message)}
        return {
            **self._common("block_actions"),
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": channel.id,
                "is_ephemeral": message.private_to is not None,
                **thread,
            },
            "channel": _channel(channel),
            **kept,
            "state": {"values": values},
            "response_url": response_url,
            "actions": [action],
        }

    def act(self, view: View, action: Payload) -> Payload:
        """A click in a modal or a home tab: no channel, no message, no response_url."""
        return {**self._common("block_actions"), **_view(self.seed, view), "actions": [action]}

    def submit(self, view: View) -> Payload:
        """A form is sent."""
        return {**self._common("view_submission"), "view": view.as_json(self.seed), "response_urls": []}

    def shortcut(self, callback_id: str, at: str) -> Payload:
        """A global shortcut: no channel, no response_url."""
        return {**self._common("shortcut"), "callback_id": callback_id, "action_ts": at}

    def message_shortcut(self, callback_id: str, message: Message, channel: Channel, response_url: str) -> Payload:
        """A shortcut in the menu of a message."""
        return {
            **self._common("message_action"),
            "callback_id": callback_id,
            "action_ts": message.ts,
            "channel": _channel(channel),
            "message_ts": message.ts,
            "message": message_json(self.seed, message),
            "response_url": response_url,
        }

    def _common(self, kind: str) -> Payload:
        return {**_who(self.seed, self.person, kind), "trigger_id": self.trigger_id}


def closed(seed: Seed, person: Person, view: View, *, is_cleared: bool) -> Payload:
    """A modal was closed by the person; nothing can be opened in answer."""
    return {**_who(seed, person, "view_closed"), "view": view.as_json(seed), "is_cleared": is_cleared}


def suggestion(seed: Seed, person: Person, view: View, names: Mapping[str, str], typed: str) -> Payload:
    """A person types in a menu whose options come from the app; `names` are its block_id and action_id."""
    return {**_who(seed, person, "block_suggestion"), **_view(seed, view), **names, "value": typed}


def event(seed: Seed, happened: Mapping[str, Any], at: float) -> Payload:
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


def message_json(seed: Seed, message: Message) -> Payload:
    """A message in a payload; the app's own carry its names."""
    own = {"bot_id": seed.bot, "app_id": seed.app} if message.user == BOT_USER else {}
    return {**message.as_json(), "team": seed.team, **own}


def permalink(seed: Seed, message: Message) -> str:
    """The link to a message; one in a thread names its thread, too."""
    thread = f"?thread_ts={message.thread_ts}&cid={message.channel}" if message.thread_ts else ""
    return f"https://{seed.domain}.slack.com/archives/{message.channel}/p{message.ts.replace('.', '')}{thread}"


def group_json(seed: Seed, group: UserGroup) -> Payload:
    """A user group as the Web API and events show it."""
    return {
        "id": group.id,
        "team_id": seed.team,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "handle": group.handle,
        "description": "",
        "is_external": False,
        "date_create": 1_700_000_000,
        "date_update": 1_700_000_000,
        "date_delete": 1_700_000_000 if group.disabled else 0,
        "auto_type": None,
        "prefs": {"channels": [], "groups": []},
        "users": sorted(group.users),
        "user_count": len(group.users),
    }


def _who(seed: Seed, person: Person, kind: str) -> Payload:
    return {
        "type": kind,
        "token": "lab",
        "api_app_id": seed.app,
        "team": {"id": seed.team, "domain": seed.domain},
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.clicking_team},
        "enterprise": {"id": seed.enterprise, "name": "The organization"} if seed.enterprise else None,
        "is_enterprise_install": False,
    }


def _view(seed: Seed, view: View) -> Payload:
    return {"container": {"type": "view", "view_id": view.id}, "view": view.as_json(seed)}


def _channel(channel: Channel) -> Payload:
    return {"id": channel.id, "name": channel.shown_name}
