"""Typed secrets: removed from a delivery before its row is written, so that none reaches the disk.

    a payload ─ build_delivery ─▶ row ─ withhold_secrets ─▶ row with the mark in place of a secret ─▶ inbox

The dispatcher refuses a text that has the mark as it refuses one that has a secret.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.security.untrusted_text import redact_typed
from bot.slack.delivery_kind import DeliveryKind
from bot.store.inbox import Delivery
from commands.values.normalize import normalize_text

Redact = Callable[[str], str]


def withhold_secrets(kind: DeliveryKind, clean: Redact) -> DeliveryKind:
    """Return the kind whose rows hold no typed secret. `clean` puts the mark in place of secrets."""

    def build_delivery(body: Mapping[str, Any], at: datetime) -> Delivery | None:
        delivery = kind.build_delivery(body, at)
        if delivery is None or not kind.typed:
            return delivery
        typed = delivery.payload[kind.typed]
        shown = redact_typed_text(typed, clean)
        return delivery if shown == typed else replace(delivery, payload={**delivery.payload, kind.typed: shown})

    return replace(kind, build_delivery=build_delivery)


def redact_typed_text(typed: str, clean: Redact) -> str:
    """Return the text as typed if it holds no secret. Otherwise the text without it.

    Slack, phones and input methods write some secrets so that only the normalized text shows them.
    """
    left = clean(typed)
    plain = normalize_text(left).text
    shown = redact_typed(plain, clean)
    return left if shown == plain else shown
