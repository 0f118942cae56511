"""Judges WSL2: containers, bridge and forwarding.

Leaves out containers that were moved away, and are kept for some days: that they are stopped is no problem. Pure.

Judges the helper in WSL2: what the configuration lets the bot change there, and what the host itself allows.

Both must name an area. The configuration opts in for a host (`manage`), and prepare-wsl.sh writes the host's own list.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

from adapters.errors import ActionFailed, HostError
from adapters.inventory import Host, ManagedArea
from adapters.phrase import Listing, Phrase, Span
from adapters.wsl.helper import HELPER_VERSION, HelperInfo
from adapters.wsl.podman import MIN_RESTARTS, Container, UnreadPart
from adapters.wsl.system import Bridge, WslSystem
from commands.health.assessment import (
    Judgment,
    Remark,
    make_absent_checks,
    make_healthy_check,
    make_unanswered_checks,
    make_unhealthy_check,
    make_unread_check,
    merge_judgments,
)
from commands.log_lines.lines import make_container_source
from commands.model.finding import MAX_LISTED, Severity, list_some
from commands.model.owed import KnownOwed
from commands.values.arguments import shorten_argument


def judge_wsl(host: Host, said: WslSystem | HostError | None) -> Judgment:
    """Judges containers, bridge and forwarding."""
    keys = ("containers", "bridge", "forwarding")
    if said is None:
        return make_absent_checks(*keys)
    if isinstance(said, HostError):
        return make_unanswered_checks("wsl", Phrase("WSL2"), keys, said)
    return merge_judgments(
        _judge_containers(host, said.containers), judge_bridge(host, said.bridge), judge_forwarding(said.forwarding)
    )


def _judge_containers(host: Host, said: tuple[Container, ...] | UnreadPart) -> Judgment:
    if isinstance(said, UnreadPart):
        return make_unread_check("containers", said.phrase)
    troubled = [container for container in said if _is_troubled(container)]
    if not troubled:
        text = Phrase("{n} running", n=len(said)) if said else Phrase("none")
        return make_healthy_check("containers", text, f"{len(said)}/{len(said)}")
    running = len(said) - len(troubled)
    failed = [container for container in troubled if not _has_ended_well(container)]
    severity = Severity.MEDIUM if failed else Severity.LOW
    text = Phrase("{n} of {total} with problems", n=len(troubled), total=len(said))
    troubles = list_some([_describe_trouble(each) for each in troubled])
    if failed:
        why = _explain_failed(troubles, failed)
    else:
        start = _format_podman("start", troubled)
        why = Phrase(
            "{troubles}, without an error. To start again, run in WSL2: {command}", troubles=troubles, command=start
        )
    shown = format_container(host, (failed or troubled)[0])
    return make_unhealthy_check("containers", text, f"{running}/{len(said)}", severity, why).suggest(
        shown and f"container show {shown}"
    )


RESTART_WINDOW = timedelta(minutes=10)
"""Time in which the watch counts restarts."""


def judge_container(host: Host, container: Container, restarts: int) -> Remark | None:
    """Judges one container by itself; None if it runs, or has exited without an error.

    `restarts` counts its restarts in the last `RESTART_WINDOW`. It may run at every look and still restart all the time.
    """
    subject, shown = make_container_subject(container.name), format_container(host, container)
    words = shown and f"container show {shown}"
    if _is_troubled(container) and not _has_ended_well(container):
        trouble = _describe_trouble(container)
        return Remark(subject, Severity.MEDIUM, trouble, _explain_failed(trouble, [container]), next=words)
    if restarts < MIN_RESTARTS:
        return None
    trouble = Phrase(
        "{container} restarted {n} times in {time}",
        container=shorten_argument(container.name),
        n=restarts,
        time=Span(RESTART_WINDOW.total_seconds()),
    )
    return Remark(subject, Severity.MEDIUM, trouble, _explain_failed(trouble, []), next=words)


def _is_troubled(container: Container) -> bool:
    return container.state != "running" or container.healthy is False or container.restarting


def _explain_failed(troubles: Phrase, failed: Sequence[Container]) -> Phrase:
    """Explains the troubles, with the command that fixes them.

    Another restart helps no container that podman restarts already, and podman refuses to restart a paused one.
    """
    paused = [container for container in failed if container.state == "paused"]
    restart = [container for container in failed if container.state != "paused" and not container.restarting]
    resume = _format_podman("unpause", paused)
    command = _format_podman("restart", restart)
    if not restart and not paused:
        return Phrase("{troubles}. Check the log", troubles=troubles)
    if not restart:
        return Phrase("{troubles}. To resume, run in WSL2: {command}", troubles=troubles, command=resume)
    if not paused:
        return Phrase("{troubles}. Check the log. To restart, run in WSL2: {command}", troubles=troubles, command=command)
    return Phrase(
        "{troubles}. Check the log. To resume and restart, run in WSL2: {command}",
        troubles=troubles,
        command=f"{resume}; {command}",
    )


def _has_ended_well(container: Container) -> bool:
    """Returns whether the container has exited without an error."""
    return container.state == "exited" and container.exit_code == 0


def _format_podman(verb: str, containers: Sequence[Container]) -> str:
    """Formats a command line to be typed in WSL2, for the first few containers with valid names."""
    names = [container.name for container in containers if make_container_source(container.name) is not None]
    return " ".join(("sudo podman", verb, *names[:MAX_LISTED]))


def make_container_subject(name: str) -> str:
    """Makes the subject of findings and alerts about one container."""
    return f"container/{shorten_argument(name)}"


def format_container(host: Host, container: Container) -> str | None:
    """Formats a container as commands take it: `host-a/web`, by its id if its name is no valid one; None without both."""
    name = container.id[:12] if make_container_source(container.name) is None else container.name
    return f"{host.name}/{name}" if name else None


def _describe_trouble(container: Container) -> Phrase:
    name = shorten_argument(container.name)
    if container.restarting:
        return Phrase("{container} keeps restarting ({n} restarts so far)", container=name, n=container.restarts)
    if container.state == "exited":
        return Phrase("{container} exited with code {code}", container=name, code=str(container.exit_code))
    if container.state == "running":
        return Phrase("{container} is unhealthy", container=name)
    return Phrase("{container} is {state}", container=name, state=shorten_argument(container.state))


def judge_bridge(host: Host, said: Bridge | UnreadPart) -> Judgment:
    """Judges whether the bridge is up with the host's address."""
    expected = str(host.bridge)
    name = host.wsl.bridge if host.wsl is not None else ""
    if isinstance(said, UnreadPart):
        return make_unread_check("bridge", said.phrase)
    if not said.exists:
        why = Phrase("the bridge {bridge} does not exist. Start a Flatnet container in WSL2 to create it", bridge=name)
        return make_unhealthy_check("bridge", Phrase("missing"), "missing", Severity.HIGH, why)
    if not said.up:
        why = Phrase("the bridge {bridge} is down. Run in WSL2: sudo ip link set {bridge} up", bridge=name)
        return make_unhealthy_check("bridge", Phrase("down"), "down", Severity.HIGH, why)
    if expected not in said.addresses:
        why = Phrase(
            "the bridge {bridge} has {addresses} instead of {expected}. Compare the podman network in WSL2 with the "
            "configuration",
            bridge=name,
            addresses=list_some(said.addresses) if said.addresses else Phrase("no address"),
            expected=expected,
        )
        return make_unhealthy_check("bridge", Phrase("wrong address"), "wrong-address", Severity.HIGH, why)
    return make_healthy_check("bridge", Phrase("up"), "up")


def judge_forwarding(said: bool | UnreadPart) -> Judgment:
    """Judges IP forwarding."""
    if isinstance(said, UnreadPart):
        return make_unread_check("forwarding", said.phrase)
    if said:
        return make_healthy_check("forwarding", Phrase("on"), "on")
    why = Phrase("IP forwarding is off, so containers have no network. Run in WSL2: sudo sysctl -w net.ipv4.ip_forward=1")
    return make_unhealthy_check("forwarding", Phrase("off"), "off", Severity.HIGH, why)


Said = TypeVar("Said")

REMOVE_WORDS = ("container", "remove")
"""Words of the change that is owed to the source of a move. It is due when the source is no longer needed."""


def is_kept(host: Host, container: Container, owed: KnownOwed) -> bool:
    """Returns whether a move left this container behind: it does not run, and its removal is owed."""
    words = " ".join((*REMOVE_WORDS, f"{host.name}/{container.id}"))
    return not container.runs and any(note.host == host.name and note.words == words for note in owed.notes)


def leave_out_kept(host: Host, said: Said, owed: KnownOwed) -> Said | WslSystem:
    """Leaves the kept containers out of what WSL2 of a host answered. Anything else stays as it is."""
    if not isinstance(said, WslSystem) or not isinstance(said.containers, tuple):
        return said
    others = tuple(container for container in said.containers if not is_kept(host, container, owed))
    return said.model_copy(update={"containers": others})


def format_manage_command(host: Host, areas: Sequence[ManagedArea]) -> str:
    """Formats the command that installs the helper with these areas, to be run in WSL2."""
    return f"sudo sh prepare-wsl.sh --manage {','.join(areas)} --id {host.id}"


def explain_unmanaged(host: Host, area: ManagedArea) -> Phrase | None:
    """Explains that the configuration does not let the bot change this area of a host's WSL2; None if it does."""
    if host.wsl is None:
        return Phrase("no WSL2 connection configured")
    if area in host.wsl.manage:
        return None
    wanted = (*host.wsl.manage, area)
    return Phrase(
        "the bot may not change {area} there. To allow it, run in WSL2: {command}. Then set {setting} under [hosts.wsl] of "
        "{host}, and reload the configuration",
        area=area,
        command=format_manage_command(host, wanted),
        setting=f"manage = {json.dumps(wanted)}",
        host=host.name,
    )


def find_helper_fault(host: Host, said: HelperInfo | HostError) -> Phrase | None:
    """Finds the reason why the helper of a managed host cannot be used, with the command that fixes it; None if it can."""
    assert host.wsl is not None
    command = format_manage_command(host, host.wsl.manage)
    match said:
        case ActionFailed(code="absent"):
            return Phrase(
                "the helper is not installed in WSL2. Copy prepare-wsl.sh and flatnet-bot-helper.sh there and run: "
                "{command}",
                command=command,
            )
        case ActionFailed(code="unsafe" | "not-allowed"):
            return said.phrase
        case ActionFailed():
            return Phrase(
                "{why}. Copy prepare-wsl.sh and flatnet-bot-helper.sh there and run: {command}",
                why=said.phrase,
                command=command,
            )
        case HostError():
            return Phrase("could not check the host: {why}", why=said.phrase)
        case HelperInfo(current=False):
            return Phrase(
                "the helper in WSL2 has version {version}, but this bot needs version {needed}. Copy prepare-wsl.sh and "
                "flatnet-bot-helper.sh of this bot there and run: {command}",
                version=said.version,
                needed=HELPER_VERSION,
                command=command,
            )
    missing = tuple(area for area in host.wsl.manage if area not in said.areas)
    if missing:
        return Phrase(
            "the helper in WSL2 does not allow {areas}. Run there: {command}", areas=Listing(missing), command=command
        )
    return None
