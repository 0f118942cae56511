"""Reads in the channel of an incident: about its hosts and its time, shown to all there. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from adapters.inventory import Inventory
from bot.model.incident import LOOKBACK_PERIOD, Incident
from commands.hosts.operations import HostList, HostShow
from commands.incidents.operations import IncidentOpen, IncidentResolve
from commands.logs.operations import LOG_HISTORY_LIMIT, LogCollect
from commands.model.operation import FleetRead, Operation
from commands.model.times import resolve_instant
from commands.values.arguments import BadArgument, Target

_MINUTE = timedelta(minutes=1)


def apply_incident(operation: Operation, incident: Incident | None, now: datetime) -> Operation:
    """Adapt an operation to the channel of an incident. Pure.

    A read is shown to all there if its opener chose so. Unless its words name others, it is about the incident's hosts and
    the time since it began, and a while before. The opening, once the opener has chosen, and the end are shown to all
    there in any case. Other operations stay as they are.
    """
    if (isinstance(operation, IncidentOpen) and operation.opens_here) or (
        isinstance(operation, IncidentResolve) and incident is not None
    ):
        return operation.model_copy(update={"here": True})
    if incident is None or not isinstance(operation, FleetRead | LogCollect | HostList | HostShow):
        return operation
    fields, said = type(operation).model_fields, operation.model_fields_set
    meant: dict[str, Any] = {"here": operation.here or incident.shared}
    if "target" in fields and "target" not in said:
        meant["target"] = Target(parts=tuple(incident.target.split(",")))
    since = _measure_lookback(incident, now)
    until = getattr(operation, "until", None)  # a period that ends before the incident cannot start with it
    if (
        "since" in fields
        and "since" not in said
        and (until is None or resolve_instant(until, now, LOG_HISTORY_LIMIT) > now - since)
    ):
        meant["since"] = since
    return operation.model_copy(update=meant)


def leave_out_removed(incident: Incident, inventory: Inventory) -> Incident:
    """Return an incident without the hosts that have left the configuration, unless no other is left.

    People who name no host in its channel mean those that can be read.
    """
    parts = incident.target.split(",")
    present = [part for part in parts if _matches(part, inventory)]
    return replace(incident, target=",".join(present or parts))


def _matches(part: str, inventory: Inventory) -> bool:
    try:
        return bool(Target.parse((part,)).resolve(inventory))
    except BadArgument:
        return False


def _measure_lookback(incident: Incident, now: datetime) -> timedelta:
    """Compute how long ago it began, as it can be typed: in minutes, rounded up, and at most the longest time that may be
    asked.

    The clock may have been set back since.
    """
    ago = max(now - incident.beginning, timedelta()) + LOOKBACK_PERIOD
    return min(-(-ago // _MINUTE) * _MINUTE, LOG_HISTORY_LIMIT)
