"""Judges one check of the watch: the answers of a host's sides become signals. Pure.

answers ─ judge_host, as in `health` ─▶ Judgment ─ relate to the outages of others ─▶ check_host ─▶ HostChecked

| condition | problem | unknown, so it moves nothing |
| --- | --- | --- |
| nebula, lighthouse, gateway | as in `health` | Windows did not answer, or does not report the state |
| api | as in `health`; or no answer although another side of the host answers | 403, or the bot could not ask |
| silent | no side answers | the bot could not ask |
| peers | strange peers, or one that most other gateways have is missing | the API did not answer, or did not initialize |
| container | exited with an error, unhealthy, restarting | podman could not be read; every check between two reads of it |
| clock | as in `health` | Windows did not answer, or most clocks differ: then the bot's own is suspected |

What a host does not have is well: an alert on it would else stay open when the host loses its gateway or its WSL2. The same
is true of `nebula` and `lighthouse`, of which a host has one.

A silent host hides its other conditions, because nothing is known of them. While a change of the bot runs on a host, all but
its containers and its clock are unknown (`HELD`): the change itself stops services, and has its own card.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from adapters.errors import HostError, NotAsked
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.system import WslSystem
from commands.alerts.conditions import Condition, HostChecked, Signal, make_key
from commands.health.assessment import Judgment, Remark, ServiceStates, SideAnswers
from commands.health.causes import JudgedHost, relate_hosts
from commands.health.wsl_checks import judge_container
from commands.model.finding import Severity, list_some
from commands.model.report import Mark

HELD = frozenset(
    {Condition.NEBULA, Condition.LIGHTHOUSE, Condition.GATEWAY, Condition.API, Condition.SILENT, Condition.PEERS}
)
"""Conditions that a running change itself may cause on its host."""

BLIND_KEY = make_key("", "blind")
"""Key of the signal that most hosts do not respond."""

_KNOWN = frozenset({Mark.WELL, Mark.BAD, Mark.ABSENT})


@dataclass(frozen=True)
class WatchAnswers(SideAnswers):
    """Answers of a host's sides to one check; None for a side that it does not have, or that was not asked this time.

    `ahead`: as in `HealthAnswers`.
    """

    host: Host
    windows: ServiceStates | HostError | None
    wsl: WslSystem | HostError | None
    gateway: GatewaySystem | HostError | None
    ahead: float | None = None

    @property
    def answers(self) -> tuple[object, ...]:
        return self.windows, self.wsl, self.gateway


@dataclass(frozen=True)
class FleetSight:
    """Facts from the newest checks of the whole fleet, for the check of one host.

    `outages`: hosts whose Nebula is not running. `lacking`: names of gateways that this host's gateway lacks as peers.
    `blind`: most hosts are silent. `clocks_differ`: most hosts' clocks differ from the bot's. `held`: a change runs on the
    host. `restarts`: by container.
    """

    outages: Mapping[Host, Remark] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()
    blind: bool = False
    clocks_differ: bool = False
    held: bool = False
    restarts: Mapping[str, int] = field(default_factory=dict)


def check_host(looked: WatchAnswers, judged: Judgment, sight: FleetSight, at: datetime) -> HostChecked:
    """Makes the outcome of one check that began at `at`; `judged` is from `judge_host`."""
    if looked.silent:
        known, signals = _check_silent(looked, judged, sight)
    else:
        (related,) = relate_hosts([JudgedHost(looked, judged)], sight.outages)
        known, signals = _find_known(looked, related, sight), tuple(_list_signals(looked, related, sight))
    if sight.held:
        known -= HELD
    known |= _list_absent(looked.host)
    return HostChecked(
        host=looked.host.name, at=at, judged=known, signals=tuple(each for each in signals if each.condition in known)
    )


def _check_silent(
    looked: WatchAnswers, judged: Judgment, sight: FleetSight
) -> tuple[frozenset[Condition], tuple[Signal, ...]]:
    if not looked.askable:
        return frozenset(), ()
    cause = BLIND_KEY if sight.blind else ""
    signal = _make_signal(looked.host, "host", Condition.SILENT, judged.worst[0], cause)
    return frozenset({Condition.SILENT}), (signal,)


def _find_known(looked: WatchAnswers, judged: Judgment, sight: FleetSight) -> frozenset[Condition]:
    """Finds the conditions of which this check knows whether they are well."""
    known = {
        Condition.SILENT: True,
        get_nebula_condition(looked.host): judged.cells["nebula"].mark in _KNOWN,
        Condition.GATEWAY: judged.cells["gateway"].mark in _KNOWN,
        Condition.API: judged.cells["api"].mark in _KNOWN or _is_unanswered(looked, judged),
        Condition.PEERS: is_synchronized(looked),
        Condition.CONTAINER: isinstance(looked.wsl, WslSystem) and isinstance(looked.wsl.containers, tuple),
        Condition.CLOCK: looked.ahead is not None and not sight.clocks_differ,
    }
    return frozenset(condition for condition, is_known in known.items() if is_known)


def _list_absent(host: Host) -> frozenset[Condition]:
    """Lists the conditions that a host cannot have."""
    absent = {
        Condition.NEBULA: host.lighthouse or host.windows is None,
        Condition.LIGHTHOUSE: not host.lighthouse or host.windows is None,
        Condition.GATEWAY: host.gateway is None or host.windows is None,
        Condition.API: host.gateway is None,
        Condition.PEERS: host.gateway is None,
        Condition.ERRORS: host.gateway is None or host.windows is None,
        Condition.CONTAINER: host.wsl is None,
        Condition.CLOCK: host.windows is None,
    }
    return frozenset(condition for condition, is_absent in absent.items() if is_absent)


def get_nebula_condition(host: Host) -> Condition:
    """Returns the condition that a host's Nebula is watched for."""
    return Condition.LIGHTHOUSE if host.lighthouse else Condition.NEBULA


def _is_unanswered(looked: WatchAnswers, judged: Judgment) -> bool:
    """Returns whether the gateway did not answer, although it was asked and another side of its host answers."""
    parts = (looked.gateway,) if not isinstance(looked.gateway, GatewaySystem) else _list_parts(looked.gateway)
    return _find_remark(judged, "api", reached=False) is not None and not any(isinstance(part, NotAsked) for part in parts)


def _list_parts(said: GatewaySystem) -> tuple[object, ...]:
    return said.healthy, said.sync, said.status


def is_synchronized(looked: WatchAnswers) -> bool:
    """Returns whether the gateway started as this host, so that its list of peers is the configured one."""
    said = looked.gateway
    return isinstance(said, GatewaySystem) and isinstance(said.sync, SyncStatus) and said.sync.host_id == looked.host.id


def _list_signals(looked: WatchAnswers, judged: Judgment, sight: FleetSight) -> Iterator[Signal]:
    host = looked.host
    if judged.cells["nebula"].mark is Mark.BAD and (remark := _find_remark(judged, "nebula")):
        yield _make_signal(host, "nebula", get_nebula_condition(host), remark)
    if judged.cells["gateway"].mark is Mark.BAD and (remark := _find_remark(judged, "gateway")):
        yield _make_signal(host, "gateway", Condition.GATEWAY, remark)
    yield from _list_api_signals(looked, judged, sight)
    if remark := _find_remark(judged, "clock"):
        yield _make_signal(host, "clock", Condition.CLOCK, remark)
    if isinstance(looked.wsl, WslSystem) and isinstance(looked.wsl.containers, tuple):
        for container in looked.wsl.containers:
            if remark := judge_container(host, container, sight.restarts.get(container.name, 0)):
                yield _make_signal(host, remark.subject, Condition.CONTAINER, remark)


def _list_api_signals(looked: WatchAnswers, judged: Judgment, sight: FleetSight) -> Iterator[Signal]:
    """Lists the signals of the gateway's API. An API that is healthy may still have strange peers, or lack some."""
    host, remark = looked.host, _find_remark(judged, "api")
    healthy = judged.cells["api"].mark is Mark.WELL
    if remark is not None and not healthy:
        stopped = judged.cells["gateway"].mark is Mark.BAD and not remark.reached
        cause = make_key(remark.cause, "nebula") if remark.cause else make_key(host.name, "gateway") if stopped else ""
        yield _make_signal(host, "api", Condition.API, remark, cause)
    if sight.lacking:
        yield _make_signal(host, "peers", Condition.PEERS, _make_lacking_remark(host.name, sight.lacking))
    elif remark is not None and healthy:
        yield _make_signal(host, "peers", Condition.PEERS, remark)


def _make_lacking_remark(host: str, lacking: tuple[str, ...]) -> Remark:
    """Makes the remark on a gateway that lacks peers, with the command that adds the first one."""
    why = Phrase(
        "the gateway lacks a peer that most others have: {peers}. Add it to nginx.conf, or its containers are not found",
        plural="the gateway lacks {n} peers that most others have: {peers}. Add them to nginx.conf, or their containers are "
        "not found",
        n=len(lacking),
        peers=list_some(lacking),
    )
    return Remark("peers", Severity.MEDIUM, Phrase("missing peers"), why, next=f"peer add {lacking[0]} --on {host}")


def _find_remark(judged: Judgment, subject: str, *, reached: bool | None = None) -> Remark | None:
    return next(
        (each for each in judged.worst if each.subject == subject and (reached is None or each.reached == reached)), None
    )


def _make_signal(host: Host, subject: str, condition: Condition, remark: Remark, cause: str = "") -> Signal:
    return Signal(
        host=host.name,
        subject=subject,
        condition=condition,
        severity=remark.severity,
        short=remark.short,
        why=remark.why,
        next=remark.next or f"health {host.name} --details",
        cause=cause,
    )
