"""Situation of a host that is added: what it is, and how far it has come, after each stage. Pure."""

from adapters.inventory import Host
from adapters.local.identities import compute_key_fingerprint
from adapters.phrase import Phrase
from commands.model.plan import Part, Plan
from commands.planning.commit_confirm import get_windows_side
from commands.planning.situations import tell_situations


def tell_stages(plan: Plan, host: Host, identity: Part, member: str) -> Plan:
    """Returns the plan with its situations. `identity` is the part after which the host is in the overlay, `member` the key
    of the step that makes it a member.
    """
    told = {identity.steps[-1].key: _describe_arrival(host), member: Phrase("{host} is a member", host=host.name)}
    return tell_situations(plan, _describe_machine(host), told)


def _describe_arrival(host: Host) -> Phrase:
    return Phrase("{host} is in the overlay as {address}, and no member yet", host=host.name, address=str(host.overlay.ip))


def _describe_machine(host: Host) -> Phrase:
    """Describes the machine by what approvers compare at its console."""
    values = {"host": host.name, "id": str(host.id), "address": str(host.overlay.ip)}
    certificate = get_windows_side(host).certificate_sha256
    if host.wsl is None or not host.wsl.host_key:
        return Phrase(
            "{host} is being added with ID {id} ({address}). Its machine shows the certificate {certificate}",
            **values,
            certificate=certificate,
        )
    return Phrase(
        "{host} is being added with ID {id} ({address}). Its machine shows the certificate {certificate} and the SSH host "
        "key {key}",
        **values,
        certificate=certificate,
        key=compute_key_fingerprint(host.wsl.host_key),
    )
