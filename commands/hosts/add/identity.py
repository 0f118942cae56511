"""Identity of a new host as a part of its plan: made, or proven where the host has it already. Pure.

The card says what is signed and what pins the machine: approvers compare the fingerprints at the console.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from adapters.action import BOT_NAME
from adapters.inventory import Host
from adapters.local.identities import compute_key_fingerprint
from adapters.nebula.certificates import Certificate
from adapters.phrase import Moment, Phrase
from commands.certificates.reading import HostCertificates, shorten_fingerprint
from commands.certificates.renewal import SHORT_LIFETIME
from commands.changes.commit_confirm import TunnelProof, get_windows_side
from commands.changes.configuration_edit import ConfigurationEdit
from commands.changes.host_plan import HostPlan, UnchangedHost, name_stage
from commands.changes.impact import HostWorkload, describe_nebula_outage
from commands.configuration.diff import diff_splices
from commands.configuration.splice import Splice, UnsuitableText
from commands.hosts.add.facts import JoiningFacts
from commands.hosts.add.nebula_steps import NewIdentity, build_identity_part
from commands.hosts.add.newcomer import NewHost
from commands.hosts.add.obstacles import find_missing_blocks, list_new_blocks
from commands.hosts.add.pattern import NebulaText, write_nebula_text
from commands.hosts.remove.steps import BlocklistChange, build_blocklist_part
from commands.hosts.suspend.resume_steps import build_nebula_part, replace_steps
from commands.model.finding import list_some
from commands.model.operation import CannotPlan
from commands.model.plan import FileEdit, LeftOutHost, Premise
from commands.services.steps import ServiceState
from commands.values.arguments import shorten_argument


def plan_identity(new: NewHost, facts: JoiningFacts, lighthouse: HostCertificates, ca: Certificate) -> HostPlan:
    """Plans the identity of a host that has no obstacle. Raises `CannotPlan` for a pattern that cannot be copied."""
    if facts.has_identity:
        return _plan_kept_identity(new, facts, lighthouse.host)
    rules, rotation = facts.members.rules, facts.members.rotation
    text = _write_text(new, facts)
    identity = NewIdentity(
        new=new,
        lighthouse=lighthouse.host,
        ca=ca,
        authorities=() if facts.state.ca else lighthouse.authorities,
        config=text.content,
        groups=rules.groups,
        lifetime=rules.lifetime_days * 24,
        signer=None if rotation is None else rotation.signer,
    )
    return HostPlan(
        part=name_stage(build_identity_part(identity), new.make_key("identity")),
        leading_premises=tuple(_list_premises(identity, lighthouse, text)),
        warnings=tuple(_list_warnings(identity, facts)),
        edits=(_describe_file(new, text, facts.redact),),
    )


def build_host_premises(host: Host) -> tuple[Premise, ...]:
    """Builds the premises of its name, its addresses, and what pins its sides."""
    known = Phrase(
        "{host} gets ID {id}: {address} on the overlay, containers in {subnet}",
        host=host.name,
        id=str(host.id),
        address=str(host.overlay.ip),
        subnet=str(host.bridge.network),
    )
    return (
        Premise(host=host.name, what="id", value=host.id, phrase=known),
        *(Premise(host=host.name, what=what, value=value, phrase=phrase) for what, value, phrase in _list_pins(host)),
    )


def build_reload_premises(name: str, planned: Iterable[HostPlan | UnchangedHost | LeftOutHost]) -> tuple[Premise, ...]:
    """Builds the premise of the members whose gateways will be reloaded; none if there are none."""
    changed = [each.host for each in planned if isinstance(each, HostPlan) and each.host not in (name, BOT_NAME)]
    if not changed:
        return ()
    phrase = Phrase(
        "gateways that get the new peer and are reloaded, one after the other: {hosts}", hosts=list_some(changed)
    )
    return (Premise(host=name, what="reloads", value=[*changed], phrase=phrase),)


def _list_pins(host: Host) -> Iterator[tuple[str, str, Phrase]]:
    certificate = get_windows_side(host).certificate_sha256
    yield (
        "winrm",
        certificate,
        Phrase("the WinRM certificate of {host} has the SHA-256 {fingerprint}", host=host.name, fingerprint=certificate),
    )
    if host.wsl is not None and host.wsl.host_key:
        fingerprint = compute_key_fingerprint(host.wsl.host_key)
        yield (
            "ssh",
            fingerprint,
            Phrase("the SSH host key of {host} has the fingerprint {fingerprint}", host=host.name, fingerprint=fingerprint),
        )


def _write_text(new: NewHost, facts: JoiningFacts) -> NebulaText:
    try:
        return write_nebula_text(new.host, new.pattern, facts.survey.members)
    except UnsuitableText as error:
        file = new.pattern.nebula
        why = error.locate(file.file, file.content)
        raise CannotPlan(Phrase("{host}: {why}", host=new.pattern.host.name, why=why)) from error


def _describe_file(new: NewHost, text: NebulaText, redact: Callable[[str], str]) -> FileEdit:
    """Describes the new config.yaml as a diff from nothing. Raises `CannotPlan` if approvers could not see all of it."""
    file = get_windows_side(new.host).paths.nebula_config
    try:
        diff = diff_splices(b"", (Splice(0, b"", text.content),), redact)
    except UnsuitableText as error:
        raise CannotPlan(Phrase("{host}: {why}", host=new.pattern.host.name, why=error.why)) from error
    return FileEdit(host=new.name, file=file, diff=diff)


def _plan_kept_identity(new: NewHost, facts: JoiningFacts, lighthouse: Host) -> HostPlan:
    """Plans the start of a Nebula that has its certificate already, or its proof where it runs."""
    certificate = facts.certificate
    assert certificate is not None
    tunnel = TunnelProof(new.host, lighthouse, (lighthouse,), certificate.name)
    workload = HostWorkload(new.host, (), None)
    state = ServiceState(new.host, "nebula", new.services, workload, tunnel, certificate.fingerprint)
    phrase = Phrase(
        "{host} keeps its certificate {fingerprint}, which ends at {at}",
        host=new.name,
        fingerprint=shorten_fingerprint(certificate.fingerprint),
        at=Moment(certificate.not_after),
    )
    premise = Premise(host=new.name, what="certificate", value=certificate.fingerprint, phrase=phrase)
    nebula = build_nebula_part(state, new.operation)
    edit = find_missing_blocks(new, facts)
    if edit is None:
        return HostPlan(part=nebula, leading_premises=(premise,))
    change = BlocklistChange(
        host=new.host,
        operation=new.operation,
        fingerprints=list_new_blocks(edit),
        edit=edit,
        tunnel=tunnel if state.running else None,
        certificate=certificate.fingerprint,
    )
    return HostPlan(
        part=replace_steps(nebula, (*build_blocklist_part(change).steps, *nebula.steps)),
        leading_premises=(premise,),
        disrupts=describe_nebula_outage(workload, "restart" if state.running else "start"),
        edits=(_describe_edit(new, edit, facts.redact),),
    )


def _describe_edit(new: NewHost, edit: ConfigurationEdit, redact: Callable[[str], str]) -> FileEdit:
    try:
        return edit.describe(redact)
    except UnsuitableText as error:
        raise CannotPlan(Phrase("{host}: {why}", host=new.name, why=error.why)) from error


def _list_premises(identity: NewIdentity, lighthouse: HostCertificates, text: NebulaText) -> Iterator[Premise]:
    name, ca, pattern = identity.host.name, identity.ca, identity.new.pattern
    signed = Phrase(
        "{host} signs its certificate with {ca} ({fingerprint}), which ends at {at}",
        host=identity.lighthouse.name,
        ca=shorten_argument(ca.name),
        fingerprint=shorten_fingerprint(ca.fingerprint),
        at=Moment(ca.not_after),
    )
    yield Premise(host=identity.lighthouse.name, what="ca", value=ca.fingerprint, phrase=signed)
    content = Phrase(
        "its certificate: {name}, {address}, groups {groups}, up to {days} days",
        name=name,
        address=str(identity.host.overlay),
        groups=list_some(identity.groups),
        days=identity.lifetime // 24,
    )
    yield Premise(host=name, what="groups", value=[*identity.groups], phrase=content)
    trusted = Phrase(
        "{host} will trust the CAs of {lighthouse}: {cas}",
        host=name,
        lighthouse=identity.lighthouse.name,
        cas=list_some([shorten_argument(each.name) for each in lighthouse.authorities]),
    )
    yield Premise(host=name, what="cas", value=[each.fingerprint for each in lighthouse.authorities], phrase=trusted)
    made = Phrase(
        "its config.yaml is made from that of {host}, and blocks {n} certificate",
        plural="its config.yaml is made from that of {host}, and blocks {n} certificates",
        host=pattern.host.name,
        n=text.blocked,
    )
    yield Premise(host=pattern.host.name, what="config", value=pattern.nebula.sha256, phrase=made)


def _list_warnings(identity: NewIdentity, facts: JoiningFacts) -> Iterator[Phrase]:
    name, now = identity.host.name, facts.members.now
    yield Phrase(
        "the signature cannot be rolled back. If {host} is given up, {words} blocks its certificate",
        host=name,
        words=f"host remove {name}",
    )
    ends = min(now + timedelta(hours=identity.lifetime), identity.ca.not_after - timedelta(seconds=1))
    if ends - now < SHORT_LIFETIME:
        yield Phrase(
            "the new certificate of {host} will expire soon ({at}), together with its CA", host=name, at=Moment(ends)
        )
    for each in facts.own_identities:
        if each.ends_at is not None and each.ends_at > now:
            yield Phrase(
                "an earlier certificate of {host} ({fingerprint}) was signed and abandoned. It stays valid until {at}",
                host=name,
                fingerprint=shorten_fingerprint(each.fingerprint),
                at=Moment(each.ends_at),
            )
    unread = [each.host.name for each in facts.survey.members if isinstance(each.blocklist, Phrase) and each.nebula]
    if unread:
        yield Phrase("it is unknown which certificates {hosts} block", hosts=list_some(unread))
