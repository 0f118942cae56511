"""The status of an incident as a message: short, harmless, and one tap never changes anything."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapters.phrase import Texts
from bot.incidents.slack.messages import make_status_buttons, render_reply, render_status
from bot.model.incident import EntryKind, Incident, IncidentState
from bot.model.incident_notice import AlertCounts, count_alerts, make_notice, make_reply
from bot.rendering.slack.buttons import FORM_ACTION, RUN_ACTION, parse_words
from commands.catalogue import CATALOGUE
from commands.language.grammar import identify_operation
from commands.values.normalize import normalize_text
from tests.bot.alert_examples import ACKNOWLEDGED, FIRING, change
from tests.bot.answers.slack.test_answer import assert_harmless, shown
from tests.bot.incident_examples import OPEN, OPENED, entry
from tests.bot.rendering.anything import HOSTILE, WHATEVER
from tests.bot.rendering.examples import ENGLISH, JAPANESE

NOW = OPENED + timedelta(hours=1)
ALERTS = count_alerts({7, 8, 9}, (FIRING, change(ACKNOWLEDGED, number=8)))
MITIGATED = replace(OPEN, state=IncidentState.MITIGATED, mitigated_at=NOW)
ENDED = replace(OPEN, state=IncidentState.RESOLVED, resolved_at=NOW, resolved_by="bo", was="an old certificate")


def lines(incident: Incident, texts: Texts = ENGLISH, *, late: bool = False) -> list[str]:
    now = NOW + timedelta(hours=3 if late else 0)
    message = render_status(make_notice(incident, ALERTS, now), texts)
    return [line for block in shown(message) for line in block.splitlines()]


def test_the_status_says_what_is_wrong_who_leads_and_when_the_next_update_is_due() -> None:
    told = replace(OPEN, began_at=OPENED - timedelta(minutes=5), update="We switch over", updated_at=OPENED)
    assert [
        ":red_circle: *Incident 3: the gateway answers 502*",
        "Open, critical. Lead: ana",
        "Hosts: host-a and host-b",
        "Since 2026-11-25 12:10 JST, opened at 2026-11-25 12:15 JST by ana",
        "1 alert fires: host-a: Nebula stopped",
        "1 alert is acknowledged",
        "1 alert is resolved",
        "> We switch over",
        "Last update: 2026-11-25 12:15 JST",
        "Next update due: 2026-11-25 14:15 JST",
        "`/flatnet incident show 3`",
    ] == lines(replace(told, next_update_at=NOW + timedelta(hours=1)))


def test_a_late_update_is_said() -> None:
    assert "The next update was due at 2026-11-25 13:15 JST" in lines(replace(OPEN, next_update_at=NOW), late=True)


def test_a_resolved_incident_is_green_and_has_its_cause_and_duration() -> None:
    said = lines(replace(ENDED, update="We switch over", updated_at=OPENED, next_update_at=NOW))
    assert ":large_green_circle: *Incident 3: the gateway answers 502*" == said[0]
    assert "2026-11-25 12:15 JST to 2026-11-25 13:15 JST (1 hr)" in said
    assert "Resolved by bo: an old certificate" in said
    assert [] == [line for line in said if "update" in line or "switch" in line]


def test_a_duplicate_does_not_name_the_other_one() -> None:
    assert "Merged into another incident" in lines(replace(OPEN, state=IncidentState.DUPLICATE, duplicate_of=2))


def test_the_status_is_japanese_where_the_channel_is() -> None:
    said = lines(MITIGATED, JAPANESE)
    assert "応急対応済み、緊急。担当: ana" in said
    assert "発生中のアラート 1 件: host-a: Nebula が停止" in said


def test_buttons_open_forms_or_read() -> None:
    """What changes anything is in a form, so that no tap at 3 a.m. does it by mistake."""
    rows = {
        incident.state: make_status_buttons(make_notice(incident, AlertCounts(), NOW), ENGLISH)
        for incident in (OPEN, MITIGATED, ENDED)
    }
    words = {
        state: [(each["action_id"].split(".")[0], parse_words(each["value"])) for each in row] for state, row in rows.items()
    }
    forms = [(FORM_ACTION, f"incident {verb} --incident 3") for verb in ("note", "update", "mitigated", "resolve")]
    show = (RUN_ACTION, "incident show 3")
    assert [*forms, show] == words[IncidentState.OPEN]
    assert [each for each in [*forms, show] if "mitigated" not in str(each[1])] == words[IncidentState.MITIGATED]
    assert [show, (RUN_ACTION, "incident report 3")] == words[IncidentState.RESOLVED]


def test_every_button_names_an_operation() -> None:
    for incident in (OPEN, MITIGATED, ENDED):
        for button in make_status_buttons(make_notice(incident, AlertCounts(), NOW), ENGLISH):
            words = normalize_text(parse_words(button["value"]) or "")
            operation = identify_operation(words, CATALOGUE, CATALOGUE).operation
            assert operation.words == tuple(words.text.split()[:2])


def test_a_reply_says_who_said_what_and_when() -> None:
    reply = make_reply([entry(1), entry(2, "mitigated", EntryKind.STATE), entry(3, "Nebula stopped", EntryKind.ALERT)])
    assert [
        "• 2026-11-25 12:16 JST — Note by ana: restarted it",
        "• 2026-11-25 12:17 JST — mitigated (ana)",
        "• 2026-11-25 12:18 JST — Nebula stopped",
    ] == shown(render_reply(reply, ENGLISH))[0].splitlines()


@WHATEVER
@given(typed=HOSTILE.map(lambda text: text * 40), texts=st.sampled_from([ENGLISH, JAPANESE]))
def test_what_people_type_is_harmless(typed: str, texts: Texts) -> None:
    foreign = replace(ENDED, title=typed, was=typed, update=typed, opened_by=typed, lead=typed, resolved_by=typed)
    assert_harmless(render_status(make_notice(foreign, AlertCounts(), NOW), texts))
    reply = make_reply([entry(1, typed), entry(2, typed, EntryKind.FOLLOWUP), entry(3, typed, EntryKind.CHANGE)])
    assert_harmless(render_reply(reply, texts))
