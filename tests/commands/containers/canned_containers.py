"""Containers as the helper lists them, on hosts that let the bot manage them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.inventory import Host, WslSide
from adapters.phrase import Phrase
from adapters.wsl.containers import ListedContainer
from commands.containers.lookup import HostListing
from tests.commands.canned import host
from tests.commands.gateways.canned_registrations import LATE, identify

STARTED = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def managed(name: str, number: int, **given: Any) -> Host:
    """A host where the helper may do everything with containers and addresses."""
    bare = host(name, number, **given)
    assert bare.wsl is not None
    given_side = {"manage": ("containers", "ipam"), "known_hosts_file": Path(__file__)}  # any file: a plan has its hash
    wsl = WslSide.model_validate(bare.wsl.model_dump() | given_side)
    return bare.model_copy(update={"wsl": wsl})


A, B, C = (managed(f"host-{letter}", number) for number, letter in enumerate("abc", 1))


def listed(name: str, address: str | None = "10.87.1.10", **given: Any) -> ListedContainer:
    """A container that runs, unless the test says otherwise; its id follows from its name."""
    usual = {
        "id": identify(name),
        "name": name,
        "image": "docker.io/library/nginx:1.27",
        "image_id": "a" * 64,
        "image_digest": "sha256:" + "b" * 64,
        "state": "running",
        "exit_code": 0,
        "started_at": STARTED,
        "restarts": 0,
        "address": address,
        "restart_policy": "always",
    }
    return ListedContainer.model_validate(usual | given)


def listing(of: Host, *containers: ListedContainer) -> HostListing[ListedContainer]:
    """What a host lists."""
    return HostListing(of, containers)


def unread(of: Host, why: Phrase = LATE) -> HostListing[ListedContainer]:
    """A host that does not list its containers."""
    return HostListing(of, why)
