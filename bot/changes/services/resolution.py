"""Rules of resolutions: who may report the outcome of a change whose outcome is unknown. Pure."""

from adapters.phrase import Phrase
from bot.access.policy import Permit, Refusal
from bot.access.requester import Requester
from bot.changes.services.planner import Planner
from bot.model.change import ChangeState
from bot.store.records import OperationRecord
from commands.model.operation import Risk, Role


def judge_resolution(record: OperationRecord, by: Requester, outcome: ChangeState, planner: Planner) -> Permit | Refusal:
    """Judge whether a person may report this outcome: it releases the hosts of the change, as if it had run.

    That a critical change was done is never one person's word: it needs the approvals of the change itself.
    """
    kind, policy = planner.find_kind(record), planner.policy
    if kind is None:
        phrase = Phrase(
            "this version of the bot does not support {words}. Ask an administrator to resolve it", words=record.kind
        )
        if Role.ADMINISTRATOR not in by.actor.roles:
            return Refusal("unknown operation", phrase)
        return _refuse_success(record) if _needs_approvals(record.risk, outcome) else Permit("administrator")
    asked_for = {part.host for part in record.plan.parts}
    hosts = tuple(host for host in planner.inventory.reachable if host.name in asked_for)
    verdict = policy.judge(by.actor, kind, hosts, by.place)
    if isinstance(verdict, Permit) and _needs_approvals(planner.find_risk(record), outcome):
        return _refuse_success(record)
    return verdict


def _needs_approvals(risk: Risk, outcome: ChangeState) -> bool:
    return risk is Risk.CRITICAL and outcome is ChangeState.DONE


def _refuse_success(record: OperationRecord) -> Refusal:
    words = f'op confirm {record.operation} --reason "…"'
    return Refusal("critical success", Phrase("that a critical change was done needs its approvals: {words}", words=words))
