"""Finds obstacles to the plan of a new host: its programs, its files, its certificate, its id. Pure.

A host without an identity must be blank: nothing of Flatnet's runs, and no file is where one will be written. A host with
one (signed in an earlier run, or adopted) must have everything that its certificate needs.

Blocklist of a new host that has its configuration already: what members block since then is added. Pure.

A host that waits for weeks, or is adopted, must not accept what the members refuse.
"""

from collections.abc import Iterator
from pathlib import PureWindowsPath

from adapters.errors import HostError
from adapters.inventory import Inventory
from adapters.nebula.certificates import Certificate
from adapters.phrase import Moment, Phrase
from commands.certificates.reading import HostCertificates, shorten_fingerprint
from commands.certificates.renewal_obstacles import find_return_obstacle
from commands.certificates.rotation.successor import find_hosts_behind
from commands.changes.commit_confirm import get_windows_side
from commands.changes.configuration_edit import ConfigurationEdit
from commands.changes.impact import HostWorkload, is_reached_over_overlay
from commands.changes.owed import find_owed_first
from commands.configuration.nebula import add_blocks, read_blocklist
from commands.configuration.splice import UnsuitableText, apply_splices, find_splices
from commands.hosts.add.facts import JoiningFacts
from commands.hosts.add.newcomer import NewHost
from commands.hosts.add.pattern import list_blocked
from commands.model.finding import list_some
from commands.model.operation import CannotPlan
from commands.services.steps import ServiceName, ServiceState, explain_unknown, find_service_obstacle
from commands.values.arguments import shorten_argument

ADOPT_OPTION = "--adopt"


def find_joining_obstacle(facts: JoiningFacts, lighthouse: HostCertificates, ca: Certificate) -> Phrase | None:
    """Finds the reason why this host, which answered, cannot be added now; None if there is none."""
    return next(_list_obstacles(facts, lighthouse, ca), None)


def build_service_state(facts: JoiningFacts, name: ServiceName) -> ServiceState:
    """Builds the state of a service of the new host, which has no workload yet."""
    return ServiceState(facts.host, name, facts.services, HostWorkload(facts.host, (), None))


def _list_obstacles(facts: JoiningFacts, lighthouse: HostCertificates, ca: Certificate) -> Iterator[Phrase]:
    yield from _list_missing_programs(facts)
    yield from _list_service_obstacles(facts)
    if not facts.held.clock_is_right:
        yield Phrase("the clock of {host} is off. Run there first: w32tm /resync", host=facts.host.name)
    if lighthouse.files is None or lighthouse.files.running_since is None:
        yield Phrase(
            "Nebula is not running on {host}, so the new certificate cannot be verified. Start Nebula",
            host=lighthouse.host.name,
        )
    if facts.has_identity:
        yield from _list_kept_obstacles(facts)
    else:
        yield from _list_blank_obstacles(facts, ca)
    if (taken := facts.survey.find_obstacle(facts.claim)) is not None:
        yield taken


def _list_missing_programs(facts: JoiningFacts) -> Iterator[Phrase]:
    paths, state = get_windows_side(facts.host).paths, facts.state
    programs = [
        (paths.nebula_exe, state.nebula_version),
        (paths.nebula_cert_exe, state.nebula_cert_version),
        *(() if facts.host.gateway is None else ((paths.gateway_exe, state.nginx_version),)),
    ]
    missing = [program for program, version in programs if not version]
    if missing:
        yield Phrase("{host} lacks {programs}. Install them there first", host=facts.host.name, programs=list_some(missing))
    elif facts.host.gateway is not None and not facts.state.modules:
        folder = PureWindowsPath(paths.gateway_config).parent / "lualib" / "flatnet"
        yield Phrase("{host} lacks the folder {folder}. Install it there first", host=facts.host.name, folder=str(folder))


def _list_service_obstacles(facts: JoiningFacts) -> Iterator[Phrase]:
    names: tuple[ServiceName, ...] = ("nebula", "openresty") if facts.host.gateway is not None else ("nebula",)
    for name in names:
        if (unknown := explain_unknown(build_service_state(facts, name))) is not None:
            yield Phrase("{host}: {why}", host=facts.host.name, why=unknown)


def _list_kept_obstacles(facts: JoiningFacts) -> Iterator[Phrase]:
    """Lists what a certificate that is kept lacks."""
    name, certificate, files = facts.host.name, facts.certificate, facts.held.files
    assert certificate is not None
    assert files is not None
    if (why := find_return_obstacle(facts.held, facts.members)) is not None:
        yield Phrase("{host}: {why}", host=name, why=why)
    if certificate.not_after <= facts.members.now:
        yield Phrase("the certificate of {host} expired at {at}", host=name, at=Moment(certificate.not_after))
    if certificate.fingerprint in list_blocked(facts.survey.members):
        yield Phrase(
            "the certificate of {host} ({fingerprint}) is in a blocklist. It never becomes a member with it",
            host=name,
            fingerprint=shorten_fingerprint(certificate.fingerprint),
        )
    if not files.key_present:
        yield Phrase("no private key at {path} on {host}", path=facts.held.paths.host_key, host=name)
    if files.key_matches is False:
        yield Phrase("nebula -test on {host}: {why}", host=name, why=shorten_argument(files.test_says))
    if not facts.held.trusts_own_certificate:
        yield Phrase("{host} does not trust the CA of its own certificate. Install that CA there", host=name)
    nebula = build_service_state(facts, "nebula")
    if not nebula.running and (why := find_service_obstacle(nebula, "start", Inventory())) is not None:
        yield Phrase("{host}: {why}", host=name, why=why)
    if not nebula.running and (why := find_owed_first(name, facts.survey.owed)) is not None:
        yield Phrase("{host}: {why}", host=name, why=why)


def _list_blank_obstacles(facts: JoiningFacts, ca: Certificate) -> Iterator[Phrase]:
    """Lists what would be replaced, or keeps a host from having a new certificate."""
    name, state, paths = facts.host.name, facts.state, facts.held.paths
    if facts.joining.adopt:
        yield Phrase(
            "{host} has no readable certificate at {path}, so there is nothing to adopt. Run {words}, then add it without "
            "{option}",
            host=name,
            path=paths.host_certificate,
            words=f"host remove {name}",
            option=ADOPT_OPTION,
        )
    present = [
        path
        for path, there in (
            (paths.nebula_config, state.config),
            (paths.host_certificate, state.certificate),
            (paths.host_key, state.key_present),
            *((folder, True) for folder in state.others),
        )
        if there
    ]
    if present:
        yield Phrase(
            "{host} has files of Nebula already: {files}. Remove them there, or remove the host and add it with {option}",
            host=name,
            files=list_some(present),
            option=ADOPT_OPTION,
        )
    if facts.services.nebula.status != "Stopped":
        yield Phrase("Nebula is running on {host} without this configuration. Stop it there first", host=name)
    if state.overlay:
        yield Phrase("{host} has the address {address} already", host=name, address=str(facts.host.overlay.ip))
    if state.ca and {each.fingerprint for each in facts.held.authorities} != _list_trusted(facts):
        yield Phrase(
            "{host} has other CAs at {path} than the lighthouse. Remove the file", host=name, path=paths.ca_certificate
        )
    if ca.version != 1 and find_hosts_behind({name: state.nebula_version}):
        yield Phrase(
            "Nebula {version} on {host} cannot read certificates of version {n}. Install 1.10 or newer",
            version=state.nebula_version,
            host=name,
            n=ca.version,
        )
    if is_reached_over_overlay(facts.host):
        yield Phrase("{host} is not on the overlay yet. Use its address in the local network", host=name)


def _list_trusted(facts: JoiningFacts) -> set[str]:
    lighthouse = facts.members.lighthouse
    return set() if lighthouse is None else {each.fingerprint for each in lighthouse.authorities}


def find_missing_blocks(new: NewHost, facts: JoiningFacts) -> ConfigurationEdit | None:
    """Finds the edit that adds what the new host lacks; None if it lacks nothing.

    Raises `CannotPlan` if its config.yaml could not be read, or is not one that the bot edits.
    """
    file = facts.config
    if file is None:
        return None
    if isinstance(file, HostError):
        raise CannotPlan(Phrase("could not check Windows of {host}: {why}", host=new.name, why=file.phrase))
    try:
        text = add_blocks(file.content, list_blocked(facts.survey.members))
    except UnsuitableText as error:
        why = error.locate(file.file, file.content)
        raise CannotPlan(Phrase("{host}: {why}", host=new.name, why=why)) from error
    if text == file.content:
        return None
    base, splices = str(PureWindowsPath(file.file).parent), find_splices(file.content, text)
    return ConfigurationEdit(new.host, new.operation, base, file.file, file.content, splices)


def list_new_blocks(edit: ConfigurationEdit) -> tuple[str, ...]:
    """Lists the fingerprints that an edit adds."""
    before = frozenset(read_blocklist(edit.text))
    return tuple(each for each in read_blocklist(apply_splices(edit.text, edit.splices)) if each not in before)
