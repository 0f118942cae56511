"""The bot's helper in a simulated WSL2: the verbs of docs/hosts/flatnet-bot-helper.sh, its refusals and exit codes.

`tests/fleet/test_helper.py` has the real one.
"""

import json
import re

from tests.lab.wsl.programs_backup import run_backup
from tests.lab.wsl.programs_containers import run_containers
from tests.lab.wsl.programs_images import run_images, run_volumes
from tests.lab.wsl.programs_ipam import list_allocations, run_ipam
from tests.lab.wsl.programs_network import run_network
from tests.lab.wsl.programs_streams import run_stream
from tests.lab.wsl.ran import Ran
from tests.lab.wsl.state import Helper, WslState

PATH = "/usr/local/libexec/flatnet-bot"

TERM = "[1-9][0-9]{0,15}"

USAGE = Ran(2, stderr=f"flatnet-bot: no such verb or argument. Read the head of {PATH}\n")

_AREAS = (
    {name: name for name in ("forwarding", "containers", "ipam", "backup")}
    | dict.fromkeys(("images", "volumes"), "containers")
    | {"network": "forwarding"}
)
"""The area of each noun."""


def find_verb(argv: list[str]) -> str:
    """The verb of the helper that a command runs, such as "containers stop"; "" for another command."""
    match argv:
        case ["sudo", "-n", program, "term", _, noun, verb, *_] if program == PATH:
            return f"{noun} {verb}"
        case ["sudo", "-n", program, noun, verb, *_] if program == PATH:
            return f"{noun} {verb}"
        case _:
            return ""


def run_helper(arguments: list[str], state: WslState) -> Ran:
    """What the helper does; sudo knows no such program where it is not installed."""
    helper = state.helper
    if helper is None:
        return Ran(1, stderr="sudo: a password is required\n")
    if helper.writable:
        words = f"others than root can change {helper.writable}. Run as root: chown root:root {helper.writable}; "
        return Ran(4, stderr=f"flatnet-bot: {words}chmod go-w {helper.writable}\n")
    if arguments == ["version"]:
        return Ran(stdout=json.dumps({"version": helper.version, "areas": list(helper.areas)}, separators=(",", ":")) + "\n")
    if arguments[:1] == ["term"]:
        return _run_with_term(arguments[1:], helper, state)
    area = _AREAS.get(arguments[0]) if arguments else None
    if area is None:
        return USAGE
    if area not in helper.areas:
        return _refuse(area, helper, state)
    return _run_verb(arguments, state)


def _run_with_term(arguments: list[str], helper: Helper, state: WslState) -> Ran:
    """Compare and keep a term, then run the verb behind it. A helper before version 5 has no rule of sudo for that."""
    if helper.version < 5:
        return Ran(1, stderr="sudo: a password is required\n")
    given, verb = (arguments[1], []) if arguments[:1] == ["keep"] and len(arguments) == 2 else (arguments[0], arguments[1:])
    if not re.fullmatch(TERM, given) or verb[:1] == ["term"]:
        return USAGE
    if helper.term and not re.fullmatch(TERM, helper.term):
        words = "Stop all copies of the bot but one, then run as root: rm /var/lib/flatnet-bot/term"
        return Ran(5, stderr=f"flatnet-bot: /var/lib/flatnet-bot/term has no term in it. {words}\n")
    if int(helper.term or "0") > int(given):
        return Ran(7, stderr=f"flatnet-bot: term {helper.term} is kept here, and this is of term {given}\n")
    helper.term = given
    return run_helper(verb, state) if verb else Ran(stdout=f'{{"term":{given}}}\n')


def _refuse(area: str, helper: Helper, state: WslState) -> Ran:
    areas, number = ",".join((*helper.areas, area)), state.address.split(".")[2]
    words = f"{area} is not allowed here. To allow it, run as root: sh prepare-wsl.sh --manage {areas} --id {number}"
    return Ran(3, stderr=f"flatnet-bot: {words}\n")


def _run_verb(arguments: list[str], state: WslState) -> Ran:
    match arguments:
        case ["forwarding", "status"]:
            return Ran(stdout=_forwarding(state))
        case ["forwarding", "apply"]:
            return _apply(state)
        case ["containers" | "images" | "volumes" | "network", *_] if "podman" in state.hanging:
            return Ran(6, stderr="flatnet-bot: podman did not answer within 10 s\n")
        case ["containers" | "images" | "volumes", *_] if (stream := run_stream(arguments, state)) is not None:
            return stream
        case ["containers", *rest]:
            return run_containers(rest, state) or USAGE
        case ["images", *rest]:
            return run_images(rest, state) or USAGE
        case ["volumes", *rest]:
            return run_volumes(rest, state) or USAGE
        case ["network", "show" | "create" | "remove" as verb]:
            return run_network(verb, state)
        case ["ipam", *rest]:
            return run_ipam(rest, state) or USAGE
        case ["backup", *rest] if rest:
            return run_backup(rest, state.plugin, list_allocations(state), state.given) or USAGE
        case _:
            return USAGE


def _forwarding(state: WslState) -> str:
    expected = f"10.87.{state.address.split('.')[2]}.1"
    link = "absent" if not state.bridge_exists else "up" if state.bridge_up else "down"
    said = {
        "bridge": state.bridge,
        "address": f"{expected}/24",
        "link": link,
        "addressed": state.bridge_exists,
        "forwarding": state.forwarding,
        "at_boot": state.kept_at_boot,
        "blocked": state.forwarding_blocked,
    }
    return json.dumps(said, separators=(",", ":")) + "\n"


def _apply(state: WslState) -> Ran:
    if state.helper is not None and state.helper.apply_fails:
        return Ran(6, stderr=f"flatnet-bot: {state.helper.apply_fails}\n")
    state.bridge_exists = state.bridge_up = state.forwarding = state.kept_at_boot = True
    state.forwarding_blocked = False
    return Ran(stdout=_forwarding(state))
