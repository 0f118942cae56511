"""Heartbeat to a service outside, which alerts people when it stops: a dead bot cannot report its own end.

every minute ─┬─ a check of the bot failed ─▶ WITHHELD, nothing is sent
              └─ the bot is healthy ─▶ GET of the configured URL ─┬─ 2xx ─▶ SENT
                                                                  └─ else ─▶ FAILED, tried again a minute later

The URL often holds a token, so it is a secret: it is in no log line, metric, finding or error.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

import structlog
from pydantic import SecretStr

from adapters.errors import FlatnetError
from adapters.phrase import Listing, Phrase

HEARTBEAT_INTERVAL = 60.0
"""Seconds between two heartbeats. The first one comes after an interval, so a bot that restarts all the time sends none."""

HEARTBEAT_CHECKS = ("database", "audit", "slack", "token", "messages", "outbox", "watch")
"""Checks of `/readyz` that a heartbeat vouches for. Others are about one channel or one person."""

UNUSABLE_URL = Phrase("the secret is not a usable address. It must be an https URL")

_log = structlog.get_logger(__name__)


class HeartbeatOutcome(StrEnum):
    """Outcomes of a heartbeat; the values are labels of a metric."""

    SENT = "sent"
    FAILED = "failed"
    WITHHELD = "withheld"


class HeartbeatFailed(FlatnetError):
    """The URL cannot be used, or its server did not accept the request. The phrase does not contain the URL."""


@dataclass(frozen=True)
class HeartbeatState:
    """Outcome of the newest heartbeats, the time since which it is the same, and the reason of the first one."""

    outcome: HeartbeatOutcome
    since: datetime
    why: Phrase | None = None


class HeartbeatLog:
    """State of the heartbeat, for `doctor`. A change is logged, repetitions are not: an outage is one line."""

    def __init__(self) -> None:
        self.state: HeartbeatState | None = None

    def note(self, outcome: HeartbeatOutcome, why: Phrase | None, at: datetime) -> None:
        """Keep the outcome of a heartbeat."""
        if self.state is not None and self.state.outcome is outcome:
            return
        self.state = HeartbeatState(outcome, at, why)
        if why is None:
            _log.info("the heartbeat was accepted")
        else:
            _log.warning("no heartbeat was accepted; repetitions are not logged", outcome=outcome.value, why=str(why))


@dataclass(frozen=True)
class HeartbeatSources:
    """Sources of a heartbeat: the URL in the active configuration, the problems of the bot, the request, and the time.

    `fetch` raises `HeartbeatFailed`. `count` gets every outcome.
    """

    find_url: Callable[[], SecretStr | None]
    find_problems: Callable[[], tuple[Phrase, ...]]
    fetch: Callable[[str], Awaitable[None]]
    count: Callable[[HeartbeatOutcome], None]
    now: Callable[[], datetime]


async def send_heartbeat(sources: HeartbeatSources, log: HeartbeatLog) -> None:
    """Send one heartbeat if a URL is configured and the bot is healthy."""
    url = sources.find_url()
    if url is None:
        return
    outcome, why = await _try_heartbeat(url, sources)
    sources.count(outcome)
    log.note(outcome, why, sources.now())


async def _try_heartbeat(url: SecretStr, sources: HeartbeatSources) -> tuple[HeartbeatOutcome, Phrase | None]:
    if problems := sources.find_problems():
        return HeartbeatOutcome.WITHHELD, Phrase("the bot is not healthy: {problems}", problems=Listing(problems))
    try:
        await sources.fetch(parse_heartbeat_url(url))
    except HeartbeatFailed as error:
        return HeartbeatOutcome.FAILED, error.phrase
    return HeartbeatOutcome.SENT, None


def parse_heartbeat_url(secret: SecretStr) -> str:
    """Parse the URL: https, or http to this machine. Raises `HeartbeatFailed`."""
    text = secret.get_secret_value()
    try:
        parts = urlsplit(text)
        allowed = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
        if allowed and parts.hostname and parts.port != 0 and text.isprintable() and " " not in text:
            return text
    except ValueError:  # a port or an IPv6 address that is none
        pass
    raise HeartbeatFailed(UNUSABLE_URL)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
