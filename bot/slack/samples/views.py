"""Renders the samples: every kind of view, which are modals and home tabs. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.inventory import Host, Inventory
from adapters.phrase import Texts
from bot.access.policy import Actor, Refusal
from bot.changes.slack import details as change_details
from bot.home import slack as home
from bot.incidents.slack import note_form, update_form
from bot.logs.slack import filter_form
from bot.model.change import Change, ChangeState
from bot.model.home import MAX_ALERTS, HomeAlert, HomeFacts, HomeList
from bot.model.incident import Incident, UpdatePreview
from bot.model.request import Answer
from bot.rendering.slack import form
from bot.rendering.slack.buttons import AnswerView
from bot.slack.samples.alerts import list_open_alerts
from bot.slack.samples.changes import list_changes
from bot.slack.samples.reports import AT, COMMANDS, FOREIGN, HOSTS, JUDGED, quote_text
from commands.language.form_filling import build_form, find_missing
from commands.language.help import OperationClasses
from commands.log_lines.formats import Level
from commands.model.operation import Operation, ReadProgress, Role

_NOTE = form.FormNote(channel="C0123456789", response_url="https://hooks.slack.com/actions/T0/1/x", answerable=AT)


@dataclass(frozen=True)
class ViewSample:
    """A view, and the name of its kind."""

    kind: str
    view: Mapping[str, Any]


def list_views(permitted: OperationClasses, texts: Texts) -> Iterator[ViewSample]:
    """Lists every kind of view, in one language."""
    yield from _list_forms(permitted, texts)
    yield from _list_filters(texts)
    yield from _list_plans(texts)
    yield from _list_notes(texts)
    yield from _list_updates(texts)
    yield from _list_home_tabs(permitted, texts)


def _list_forms(permitted: OperationClasses, texts: Texts) -> Iterator[ViewSample]:
    """Lists a form for each combination of fields, with a few hosts and with more than a menu holds."""
    few, many = _make_inventory(8), _make_inventory(len(HOSTS))
    seen = set[tuple[object, ...]]()
    for operation in permitted:
        fields = _describe_fields(operation)
        if fields in seen:
            continue
        seen.add(fields)
        name = ".".join(operation.words)
        yield ViewSample(f"form.{name}", form.build_modal(_NOTE, operation, permitted, few, texts))
        if fields[0]:
            yield ViewSample(f"form.{name}.many-hosts", form.build_modal(_NOTE, operation, permitted, many, texts))
    begun = next((words for words in (" ".join(each.words) for each in permitted) if find_missing(words, permitted)), "")
    note = _NOTE.model_copy(update={"begun": begun})
    yield ViewSample("form.begun", form.build_modal(note, None, permitted, few, texts))


def _describe_fields(operation: type[Operation]) -> tuple[object, ...]:
    """Describes the fields of a form: a menu of hosts, texts, optional texts, options and checkboxes."""
    shape = build_form(operation)
    positionals = [argument for argument, _ in shape.positionals]
    texts = [argument for argument in positionals if not shape.is_target(argument)]
    return len(texts) < len(positionals), len(texts), len(shape.options), len(shape.flags)


def _list_filters(texts: Texts) -> Iterator[ViewSample]:
    view = AnswerView(operation="op-0123456789ab")
    chosen = view.with_filter(Level.ERROR, "証明書|certificate")
    yield ViewSample("filter", filter_form.build_modal(view, "{}", texts))
    yield ViewSample("filter.chosen", filter_form.build_modal(chosen, "{}", texts))


def _list_plans(texts: Texts) -> Iterator[ViewSample]:
    """Lists the plans of changes in every state, one of which can be approved."""
    for sample in list_changes():
        note = "{}" if sample.change.state is ChangeState.WAITING else ""
        yield ViewSample(f"plan.{sample.name}", change_details.build_modal(sample.change, texts, note).view)


def _list_notes(texts: Texts) -> Iterator[ViewSample]:
    """Lists the form of a message shortcut, with one incident and with more than a menu holds."""
    incidents = [
        Incident("op-0123456789ab", "C0123456789", f"{FOREIGN} {COMMANDS[0]}", "all", FOREIGN, AT, number=number)
        for number in range(1, 3 + note_form.MAX_OPTIONS)
    ]
    yield ViewSample("note", note_form.build_modal("{}", FOREIGN, FOREIGN * 9, incidents[:1], texts))
    yield ViewSample("note.many", note_form.build_modal("{}", FOREIGN, FOREIGN * 9, incidents, texts))


def _list_updates(texts: Texts) -> Iterator[ViewSample]:
    """Lists the preview of an update that is announced, and of one that is not."""
    announced = UpdatePreview("incident update x", quote_text(FOREIGN, 9), channel="C0123456789")
    kept = UpdatePreview("incident update x", quote_text(FOREIGN, 9), obstacle=quote_text(FOREIGN, 2))
    yield ViewSample("update", update_form.build_modal("{}", announced, texts, texts))
    yield ViewSample("update.kept", update_form.build_modal("{}", kept, texts, texts))


def _list_home_tabs(permitted: OperationClasses, texts: Texts) -> Iterator[ViewSample]:
    actor = Actor(FOREIGN, frozenset(Role), FOREIGN)
    full = home.HomeContent(
        actor=actor,
        permitted=tuple(permitted),
        language="ja",
        zone="America/Argentina/ComodRivadavia",
        recent=COMMANDS,
        check=Answer(operation="op-0123456789ab", understood="health", body=JUDGED),
        facts=_make_facts(),
        working=True,
        checking=ReadProgress(2 * len(HOSTS), tuple(HOSTS)),
    )
    refusal = Refusal("no role", quote_text(FOREIGN, 9))
    bare = home.HomeContent(actor=actor, permitted=tuple(permitted), language="en", zone="UTC")
    refused = home.HomeContent(actor=actor, permitted=tuple(permitted), language="en", zone="UTC", check=refusal)
    yield ViewSample("home", home.render_home(full, AT, texts))
    yield ViewSample("home.unchecked", home.render_home(bare, AT, texts))
    yield ViewSample("home.refused", home.render_home(refused, AT, texts))
    yield ViewSample("home.closed", home.render_closed_home(refusal.reason, texts))


def _make_facts() -> HomeFacts:
    """Makes facts with more of everything than a tab shows, in every state."""
    changes = [sample.change for sample in list_changes()]

    def select(*states: ChangeState) -> tuple[Change, ...]:
        return tuple(change for change in changes if change.state in states) * 9

    lines = (quote_text(FOREIGN, 3),) * 9
    return HomeFacts(
        waiting=select(ChangeState.WAITING),
        unknown=select(ChangeState.UNKNOWN),
        running=select(ChangeState.RUNNING),
        ended=select(ChangeState.FAILED, ChangeState.UNDONE),
        alerts=tuple(HomeAlert(alert, may_acknowledge=True, may_fix=True) for alert in list_open_alerts()[:MAX_ALERTS]),
        alerts_left=249,
        alerts_summary=quote_text(FOREIGN, 9),
        fleet=quote_text(FOREIGN, 9),
        incidents=(HomeList(quote_text(FOREIGN, 1), lines, "incident"),),
        lists=(HomeList(quote_text(FOREIGN, 1), lines, "lock"),) * 4,
    )


def _make_inventory(count: int) -> Inventory:
    hosts = (
        Host.model_validate(
            {
                "name": name,
                "id": number,
                "labels": ("tokyo", "production"),
                "gateway": {"url": f"http://10.100.{number}.1:8080"},
            }
        )
        for number, name in enumerate(HOSTS[:count], 1)
    )
    return Inventory(hosts=tuple(hosts))
