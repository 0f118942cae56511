"""Statements on operations and their reviews; `bot.changes.tables.operations` executes them."""

from sqlalchemy import Text, bindparam, case, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.model.change import ChangeState
from bot.store.schema.column_types import Whole
from bot.store.schema.tables import OPERATION_HOSTS, OPERATIONS, REVIEWS

MAX_UNSHOWN = 100
"""Maximum number of unshown operations returned at once."""

_NEXT_VERSION = OPERATIONS.c.version + 1
_THIS = OPERATIONS.c.operation == bindparam("this")
_OPEN = OPERATIONS.c.state.in_((ChangeState.WAITING, ChangeState.READY))
ADD = insert(OPERATIONS).on_conflict_do_nothing().returning(OPERATIONS.c.operation)
ADD_HOSTS = insert(OPERATION_HOSTS)
FIND = select(OPERATIONS).where(_THIS)
FIND_REVIEWS = (
    select(REVIEWS)
    .where(REVIEWS.c.operation == bindparam("this"))
    .order_by(REVIEWS.c.at, REVIEWS.c.approves.desc(), REVIEWS.c.person)
)
_INSERT_REVIEW = insert(REVIEWS)
ADD_REVIEW = _INSERT_REVIEW.on_conflict_do_update(
    index_elements=list(REVIEWS.primary_key), set_=dict(_INSERT_REVIEW.excluded.items())
)
CHANGE = update(OPERATIONS).where(_THIS, OPERATIONS.c.version == bindparam("seen")).returning(OPERATIONS.c.version)
RECENT = select(OPERATIONS).order_by(OPERATIONS.c.asked_at.desc(), OPERATIONS.c.operation).limit(bindparam("most"))
_ON_HOSTS = select(OPERATION_HOSTS.c.operation).where(OPERATION_HOSTS.c.host.in_(bindparam("hosts", expanding=True)))
_SINCE = OPERATIONS.c.ended_at.is_(None) | (OPERATIONS.c.ended_at >= bindparam("since"))
TOUCHING = (
    select(OPERATIONS)
    .where(
        _SINCE | (OPERATIONS.c.state == ChangeState.UNKNOWN),
        OPERATIONS.c.operation.in_(_ON_HOSTS),
    )
    .order_by(OPERATIONS.c.asked_at.desc(), OPERATIONS.c.operation)
    .limit(bindparam("most"))
)
IN_STATES = (
    select(OPERATIONS).where(OPERATIONS.c.state.in_(bindparam("states", expanding=True))).order_by(OPERATIONS.c.asked_at)
)
COUNT_OPEN = (
    select(func.count()).select_from(OPERATIONS).where(_OPEN, OPERATIONS.c.requester == bindparam("who", type_=Text))
)
UNREVIEWED = (
    select(OPERATIONS)
    .where(OPERATIONS.c.review_open == literal_column("1"), OPERATIONS.c.started_at.is_not(None))
    .order_by(OPERATIONS.c.asked_at)
)
ENDED = (
    select(
        *(OPERATIONS.c[name] for name in ("operation", "words", "requester", "state", "approval_state", "break_glass")),
    )
    .where(OPERATIONS.c.ended_at >= bindparam("since"), OPERATIONS.c.ended_at < bindparam("until"))
    .order_by(OPERATIONS.c.ended_at.nulls_first(), OPERATIONS.c.operation)
)
LEFT_OVER = (
    select(OPERATIONS)
    .where(
        OPERATIONS.c.state.in_((ChangeState.FAILED, ChangeState.UNDONE)),
        OPERATIONS.c.after == "",
        OPERATIONS.c.ended_at >= bindparam("since"),
    )
    .order_by(OPERATIONS.c.ended_at.desc().nulls_last(), OPERATIONS.c.operation)
    .limit(bindparam("most"))
)
VERSIONS = select(OPERATIONS.c.operation, OPERATIONS.c.version).where(
    OPERATIONS.c.state.in_((ChangeState.WAITING, ChangeState.READY, ChangeState.RUNNING, ChangeState.UNKNOWN))
    | (OPERATIONS.c.asked_at >= bindparam("since"))
)
STATES = select(OPERATIONS.c.operation, OPERATIONS.c.state).where(
    OPERATIONS.c.operation.in_(bindparam("these", expanding=True))
)
RUNNING = (
    select(OPERATIONS.c.operation)
    .where(OPERATIONS.c.state == ChangeState.RUNNING)
    .order_by(OPERATIONS.c.started_at.nulls_first())
)
PROGRESS = (
    update(OPERATIONS)
    .where(_THIS, OPERATIONS.c.state == ChangeState.RUNNING, OPERATIONS.c.running != bindparam("key", type_=Text))
    .values(running=bindparam("key", type_=Text), version=_NEXT_VERSION)
)
EXPIRED = select(OPERATIONS).where(_OPEN, OPERATIONS.c.expires_at <= bindparam("now")).order_by(OPERATIONS.c.expires_at)
UNSHOWN = (
    select(OPERATIONS).where(OPERATIONS.c.version > OPERATIONS.c.shown).order_by(OPERATIONS.c.asked_at).limit(MAX_UNSHOWN)
)
_NEWLY_SHOWN = bindparam("version_shown", type_=Whole)
MARK_SHOWN = (
    update(OPERATIONS)
    .where(_THIS)
    .values(shown=case((OPERATIONS.c.shown < _NEWLY_SHOWN, _NEWLY_SHOWN), else_=OPERATIONS.c.shown))
)
CARD_NOTE = select(OPERATIONS.c.told).where(_THIS)
