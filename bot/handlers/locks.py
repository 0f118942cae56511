"""Handlers for the `lock` operations."""

from bot.access.policy import Verdict
from bot.changes.locks import Lock, meant
from bot.handlers.context import Asked, Body
from bot.reports import listings
from commands.bot_state.locks import LockAdd, LockRemove, Locks


async def _locks(operation: Locks, asked: Asked) -> Body:
    return listings.locks(await asked.locks.all(), asked.now())


async def _lock(operation: LockAdd, asked: Asked) -> Body:
    operation.target.resolve(asked.inventory)  # a name that nobody has would lock nothing
    lock = await asked.locks.add(asked.operation, operation.target, operation.lasts, operation.why, asked.by.actor.name)
    return listings.locks((lock,), asked.now())


async def _unlock(operation: LockRemove, asked: Asked) -> Body:
    def judge(lock: Lock) -> Verdict:
        return asked.policy.judge(asked.by.actor, LockRemove, meant(lock, asked.inventory), asked.by.place)

    await asked.locks.remove(asked.operation, operation.number, asked.by.actor.name, judge)
    return await _locks(Locks(), asked)
