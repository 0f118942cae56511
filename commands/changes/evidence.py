"""Evidence of a change: sentences on what its results prove of each host. Pure.

    all steps of a host done ─▶ "host-c: the certificate is valid until …, tunnel confirmed by lighthouse"
    a result is unknown      ─▶ what the host runs on as far as its steps say: the old, the new, or unknown

Evidence comes from recorded results and from the plan. A state that no step verified is left out. Steps are distinguished
by the kinds of their actions, which are stored and never renamed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.action_registry import get_kind
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.gateway.containers import FindContainer
from adapters.gateway.reload import ProveSync
from adapters.gateway.serving import FindServing
from adapters.nebula.certificates import Certificate, parse_pem
from adapters.phrase import Moment, Phrase, Span
from adapters.windows.authority import InstallAuthority, MakeAuthority
from adapters.windows.commit_confirm import BeginChange, ConfirmChange, ServiceMove
from adapters.windows.nebula import FindHandshake, ReachAddress, ReadCertificates, SignCertificate
from adapters.windows.trust import ReadTrust
from adapters.wsl.forwarding import ReadForwarding
from commands.changes.rehearsal import group_rehearsal_steps
from commands.model.finding import list_some, round_distance
from commands.model.plan import Part, Plan, Result, Step, StepResult

_Results = Mapping[str, StepResult]
"""Results of the steps that began, by key; that of a rollback replaces that of its step."""


def describe_proofs(plan: Plan, results: _Results, started_at: datetime) -> tuple[Phrase, ...]:
    """Describes what is proven of each host all of whose steps are done. `started_at` is the start of the run."""
    done = (part for part in plan.parts if _is_done(part, results))
    return tuple(_join(part.host, proofs) for part in done if (proofs := list(_list_proofs(part, results, started_at))))


def describe_doubts(plan: Plan, results: _Results) -> tuple[Phrase, ...]:
    """Describes what each other host runs on, if a run ended with an unknown result.

    Without one, its log may be incomplete, and nothing is known.
    """
    if all(result.result is not Result.UNKNOWN for result in results.values()):
        return ()
    states = (_describe_state(part, results) for part in plan.parts if not _is_done(part, results))
    return tuple(state for state in states if state is not None)


@dataclass(frozen=True)
class EarlierRun:
    """An operation that has run, its plan, and the results of its steps."""

    operation: str
    plan: Plan
    results: Mapping[str, StepResult]


def find_renewed_hosts(plan: Plan, earlier: Iterable[EarlierRun]) -> Mapping[str, Phrase]:
    """Finds the hosts of a planned renewal whose present certificate an earlier run issued and proved, with a sentence."""
    issued = {fingerprint: run for run in earlier for fingerprint in _list_issued(run)}
    found: dict[str, Phrase] = {}
    for part in plan.parts:
        present = None if _find_step(part, SignCertificate) is None else find_present_certificate(part)
        run = None if present is None else issued.get(present.fingerprint)
        if present is not None and run is not None:
            found[part.host] = Phrase(
                "{host} was renewed by {operation}, and its certificate is valid until {at}",
                host=part.host,
                operation=run.operation,
                at=Moment(present.not_after),
            )
    return found


def _list_issued(run: EarlierRun) -> Iterator[str]:
    """Lists the fingerprints of the certificates with which a run finished a host."""
    for part in run.plan.parts:
        sign = _find_step(part, SignCertificate)
        if sign is not None and _is_done(part, run.results):
            fingerprint = run.results[sign.key].product.get("fingerprint")
            if isinstance(fingerprint, str):
                yield fingerprint


def find_present_certificate(part: Part) -> Certificate | None:
    """Finds the certificate that a host has before its part runs, which a rollback would restore; None if there is none."""
    begin = _find_step(part, BeginChange)
    checks = () if begin is None else begin.undone
    for check in checks:
        text = check.expect.get("certificate")
        if check.deed.kind == get_kind(ReadCertificates) and isinstance(text, str):
            return _parse_certificate(text)
    return None


def _is_done(part: Part, results: _Results) -> bool:
    return all(step.key in results and results[step.key].result.successful for step in part.steps)


def _list_proofs(part: Part, results: _Results, started_at: datetime) -> Iterator[Phrase]:
    sign, begin = _find_step(part, SignCertificate), _find_step(part, BeginChange)
    if sign is not None and (until := _find_expiry(results[sign.key])) is not None:
        yield _describe_validity(until, find_present_certificate(part), started_at)
    elif (made := _find_step(part, MakeAuthority)) is not None:
        yield _describe_authority(results[made.key])
    elif begin is not None and (moves := _list_moves(begin)):
        proven = _find_step(part, ConfirmChange) or begin
        for move in {move.service: move for move in moves}.values():
            yield _describe_service(move, results[proven.key].ended_at)
    elif group_rehearsal_steps(Plan(parts=(part,))):
        yield Phrase("the automatic rollback works")
    elif _find_step(part, ReadForwarding) is not None:
        yield Phrase("the bridge is up and IP forwarding is on")
        if _find_step(part, ReachAddress) is not None:
            yield Phrase("Windows reaches the bridge")
    trust = [step for step in part.steps if step.deed.kind == get_kind(ReadTrust)]
    if trust:
        yield _describe_trust(trust[-1])
    if _find_step(part, InstallAuthority) is not None:
        yield Phrase("the new CA key is in its place, and the old one is wiped")
    seen = [step.host for step in part.steps if step.deed.kind == get_kind(FindHandshake)]
    if seen:
        yield Phrase("tunnel confirmed by {hosts}", hosts=list_some(list(dict.fromkeys(seen))))
    finders = [each.host for each in part.steps if each.deed.kind == get_kind(FindServing) and each.expect.get("found")]
    if finders:
        yield Phrase("found at the gateways of {hosts}", hosts=list_some(list(dict.fromkeys(finders))))
    looks = [step for step in part.steps if step.deed.kind == get_kind(FindContainer) and "registered" in step.expect]
    if looks:
        yield Phrase(
            "{n} gateway no longer has the registration", plural="{n} gateways no longer have the registration", n=len(looks)
        )
    if any(step.deed.kind == get_kind(ReadGateway) for step in part.steps):
        yield Phrase("the gateway responds")
    sync = _find_step(part, ProveSync)
    if sync is not None:
        known = sync.deed.arguments.get("peers") is not None
        yield Phrase("host ID and peers verified") if known else Phrase("host ID verified")


def _describe_validity(until: datetime, old: Certificate | None, started_at: datetime) -> Phrase:
    if old is None:
        return Phrase("the certificate is valid until {at}", at=Moment(until))
    left = old.not_after - started_at
    if left <= timedelta(0):
        return Phrase("the certificate is valid until {at} (the old one had expired)", at=Moment(until))
    rounded = Span(round_distance(left).total_seconds())
    return Phrase("the certificate is valid until {at} (the old one had {left} left)", at=Moment(until), left=rounded)


def _describe_trust(step: Step) -> Phrase:
    """Describes which CAs Nebula trusts since its start, or will trust. The key says what was changed."""
    if "loaded" not in step.expect:
        return Phrase("the new file of CAs counts from the next start")
    if step.expect.get("verified") is not True:
        return Phrase("no longer trusts the new CA")
    return Phrase("no longer trusts the old CA") if "/drop/" in step.key else Phrase("trusts the new CA")


def _describe_authority(made: StepResult) -> Phrase:
    """Describes a new CA. Its copies were read back before its canary, the last step, was signed."""
    name, text = made.product.get("name"), made.product.get("certificate")
    certificate = _parse_certificate(text) if isinstance(text, str) else None
    if not isinstance(name, str) or certificate is None:
        return Phrase("the new CA is made, and both copies of its key are verified")
    return Phrase(
        "{ca} is made, valid until {at}, and both copies of its key are verified", ca=name, at=Moment(certificate.not_after)
    )


def _describe_service(move: ServiceMove, at: datetime) -> Phrase:
    """Describes the service when the host confirmed its change, by the last move of it.

    The beginning may have been settled long after it happened, so that the service's own start or stop has no time.
    """
    if move.verb == "stop":
        return Phrase("{service} was not running at {at}", service=move.service, at=Moment(at))
    if move.verb == "reload":
        return Phrase("{service} loaded its configuration, confirmed at {at}", service=move.service, at=Moment(at))
    return Phrase("{service} was running at {at}", service=move.service, at=Moment(at))


def _list_moves(begin: Step) -> tuple[ServiceMove, ...]:
    """Lists the services that a change moves. A plan that this version cannot read has none."""
    try:
        action = begin.deed.build_action({})
    except ValueError:
        return ()
    return action.services if isinstance(action, BeginChange) else ()


def _name_services(begin: Step) -> Phrase:
    """Names the services that a change moves, each once."""
    return list_some(list(dict.fromkeys(move.service for move in _list_moves(begin))))


def _describe_state(part: Part, results: _Results) -> Phrase | None:
    """Describes what a host runs on by the step that begins its change; None if that says nothing."""
    begin, confirm = _find_step(part, BeginChange), _find_step(part, ConfirmChange)
    if begin is None or not _list_moves(begin):
        return None
    renewal, came = find_present_certificate(part) is not None, results.get(begin.key)
    match None if came is None else came.result:
        case None | Result.SKIPPED | Result.UNREACHABLE:
            return _describe_untouched(part.host, begin, renewal)
        case Result.UNDONE:
            return _describe_restored(part.host, begin, renewal)
        case Result.UNKNOWN:
            return _describe_unknown(part.host, begin, renewal)
        case Result.DONE if confirm is not None and _has_result(confirm, results, Result.UNKNOWN):
            return Phrase("{host} applied the change. It is unknown whether it keeps it or reverted it", host=part.host)
        case _:
            return None


def _describe_untouched(host: str, begin: Step, renewal: bool) -> Phrase:
    if renewal:
        return Phrase("{host} still uses its old certificate. The change stopped before the exchange", host=host)
    return Phrase("{service} on {host} was not touched", service=_name_services(begin), host=host)


def _describe_restored(host: str, begin: Step, renewal: bool) -> Phrase:
    if renewal:
        return Phrase("{host} uses its old certificate again", host=host)
    return Phrase("{service} on {host} is in its previous state", service=_name_services(begin), host=host)


def _describe_unknown(host: str, begin: Step, renewal: bool) -> Phrase:
    if renewal:
        return Phrase("it is unknown whether {host} uses its old or its new certificate", host=host)
    service = _name_services(begin)
    return Phrase("the state of {service} on {host} is unknown", service=service, host=host)


def _find_step(part: Part, action: type) -> Step | None:
    return next((step for step in part.steps if step.deed.kind == get_kind(action)), None)


def _has_result(step: Step, results: _Results, expected: Result) -> bool:
    return step.key in results and results[step.key].result is expected


def _find_expiry(result: StepResult) -> datetime | None:
    """Finds the expiry of a signed certificate in the certificate itself."""
    text = result.product.get("certificate")
    certificate = _parse_certificate(text) if isinstance(text, str) else None
    return None if certificate is None else certificate.not_after


def _parse_certificate(text: str) -> Certificate | None:
    try:
        return parse_pem(text)[0]
    except (ValueError, IndexError):
        return None


def _join(host: str, proofs: list[Phrase]) -> Phrase:
    said = proofs[0]
    for proof in proofs[1:]:
        said = Phrase("{facts}, {fact}", facts=said, fact=proof)
    return Phrase("{host}: {why}", host=host, why=said)
