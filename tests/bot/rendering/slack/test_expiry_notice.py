"""A notice as a message: what ends when, what happens then, what to press, and never more than Slack takes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.phrase import Texts
from bot.model.expiry_notice import ExpiryNotice, ExpiryNoticeItem, Settlement, SettlementKind
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.buttons import parse_words
from bot.rendering.slack.expiry_notice import MAX_NAMED, render
from tests.bot.rendering.anything import HOSTILE, WHATEVER
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.bot.rendering.slack.test_answer import assert_harmless, pressed, shown

AT = datetime(2026, 1, 30, 12, 0, tzinfo=UTC)
ENDS = datetime(2026, 2, 6, 0, 0, tzinfo=UTC)
DATE = "2026-02-06 09:00 JST"
WEEK = timedelta(days=7)
RENEWED = Settlement(how=SettlementKind.RENEWED, until=datetime(2027, 2, 5, 0, 0, tzinfo=UTC))


def ending(name: str = "host-a", ends_at: datetime = ENDS, **given: object) -> ExpiryNoticeItem:
    return ExpiryNoticeItem.model_validate(
        {"name": name, "authority": False, "fingerprint": "1a" * 32, "ends_at": ends_at} | given
    )


def notice(*endings: ExpiryNoticeItem, at: datetime = AT, within: timedelta = WEEK) -> ExpiryNotice:
    return ExpiryNotice(at=at, within=within, endings=endings or (ending(),))


def many(count: int) -> list[ExpiryNoticeItem]:
    return [ending(f"host-{number:03}") for number in range(1, count + 1)]


def asked(message: SlackMessage) -> list[str | None]:
    """The words that the buttons ask for."""
    return [parse_words(value) for value in pressed(message).values()]


def test_a_host_says_what_ends_when_what_happens_and_what_to_press() -> None:
    message = render(notice(), ENGLISH)
    assert [
        f":large_orange_circle: *The certificate of host-a expires in 6 days* — high · {DATE}",
        "After that, other hosts no longer accept host-a: tunnels drop, and the gateway and containers with them.\n"
        "Press the button to request the renewal: the bot prepares a plan and asks for approval.",
        "`/flatnet cert show host-a` · `1a1a1a1a1a1a`",
    ] == shown(message)
    assert ["cert renew host-a"] == asked(message)


def test_the_text_alone_is_complete() -> None:
    assert (
        "The certificate of host-a expires in 6 days (high): 2026-02-06 09:00 JST\n"
        "After that, other hosts no longer accept host-a: tunnels drop, and the gateway and containers with them.\n"
        "Press the button to request the renewal: the bot prepares a plan and asks for approval.\n"
        "Next steps: /flatnet cert renew host-a"
    ) == render(notice(), ENGLISH).text


def test_the_same_in_japanese() -> None:
    assert [
        f":large_orange_circle: *host-a の証明書の有効期限まであと 6 日です* — 重要 · {DATE}",
        "期限が切れると、ほかのホストが host-a を受け付けなくなります。"
        "トンネルが切れ、Gateway とコンテナも使えなくなります。\n"
        "ボタンで更新を依頼できます。ボットが計画を作り、承認を求めます。",
        "`/flatnet cert show host-a` · `1a1a1a1a1a1a`",
    ] == shown(render(notice(), JAPANESE))


@pytest.mark.parametrize(
    ("left", "authority", "headline"),
    [
        (timedelta(days=29), False, ":large_blue_circle: *The certificate of x expires in 29 days* — low"),
        (timedelta(days=10), False, ":large_yellow_circle: *The certificate of x expires in 10 days* — medium"),
        (timedelta(days=1), False, ":red_circle: *The certificate of x expires in 1 day* — critical"),
        (timedelta(hours=2), False, ":red_circle: *The certificate of x expires in less than a day* — critical"),
        (timedelta(0), False, ":red_circle: *The certificate of x has expired* — critical"),
        (timedelta(days=170), True, ":large_blue_circle: *The CA x expires in 170 days* — low"),
        (timedelta(days=59), True, ":large_orange_circle: *The CA x expires in 59 days* — high"),
        (timedelta(hours=2), True, ":red_circle: *The CA x expires in less than a day* — critical"),
        (timedelta(days=-2), True, ":red_circle: *The CA x has expired* — critical"),
    ],
)
def test_the_first_line_says_how_grave_it_is_in_a_sign_and_in_words(left: timedelta, authority: bool, headline: str) -> None:
    message = render(notice(ending("x", AT + left, authority=authority)), ENGLISH)
    assert headline == shown(message)[0].partition(" · ")[0]


def test_a_ca_says_what_ends_with_it_and_that_time_presses() -> None:
    message = render(notice(ending("Flatnet CA", authority=True)), ENGLISH)
    assert [
        "After that, all hosts signed by this CA expire too and are no longer accepted.",
        "Replacing the CA takes three passes over all hosts, each verified. Start now.",
    ] == shown(message)[1].splitlines()
    assert ["ca show"] == asked(message)


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ([ending()], ["cert renew host-a"]),
        ([ending(bound=True)], ["ca show", "cert renew host-a"]),
        (many(6), ["cert renew --due 7d"]),
        ([ending("a", authority=True), ending("b", authority=True)], ["ca show"]),
    ],
)
def test_buttons_ask_for_what_helps(of: Sequence[ExpiryNoticeItem], words: list[str]) -> None:
    assert words == asked(render(notice(*of), ENGLISH))


def test_expired_ones_are_renewed_together_by_the_shortest_span_that_cert_renew_takes() -> None:
    message = render(notice(*many(6), at=ENDS, within=timedelta(0)), ENGLISH)
    assert ":red_circle: *6 certificates have expired* — critical" == shown(message)[0]
    assert ["cert renew --due 1d"] == asked(message)


def test_one_that_a_renewal_does_not_help_says_so() -> None:
    assert (
        "No trusted CA is valid longer, so renewing would not help. Replace the CA first."
        == shown(render(notice(ending(bound=True)), ENGLISH))[1].splitlines()[1]
    )


def test_of_254_the_first_are_named_and_the_others_counted() -> None:
    message = render(notice(*many(254)), ENGLISH)
    headline, listed, told, origin = shown(message)
    assert ":large_orange_circle: *254 certificates expire within 7 days* — high" == headline
    assert [f"*host-001* — {DATE}", f"*host-{MAX_NAMED:03}* — {DATE}", "… and 234 more"] == [
        listed.splitlines()[line] for line in (0, MAX_NAMED - 1, MAX_NAMED)
    ]
    assert told.startswith("After that, other hosts no longer accept host-001, host-002, host-003 and 251 more: ")
    assert "`/flatnet cert`" == origin
    assert "254 certificates expire within 7 days (high): host-001 2026-02-06 09:00 JST, " in message.text
    assert_harmless(message)


def test_what_is_settled_stands_below_what_is_still_open() -> None:
    gone = ending("host-x", settled=Settlement(how=SettlementKind.GONE))
    over = ending("host-z", AT - timedelta(hours=1))
    message = render(notice(over, *many(2), ending("host-y", settled=RENEWED), gone), ENGLISH)
    assert ":red_circle: *3 certificates expire within 7 days* — critical" == shown(message)[0]
    assert shown(message)[1].splitlines()[0].endswith(" · expired")
    assert "✓ Renewed: host-y\n✓ No longer configured: host-x" == shown(message)[3]
    assert ["cert renew --due 7d"] == asked(message)


@pytest.mark.parametrize(
    ("settled", "headline"),
    [
        (RENEWED, "The certificate of host-a was renewed and now expires at 2027-02-05 09:00 JST"),
        (
            Settlement(how=SettlementKind.REPLACED, until=ENDS),
            "The certificate of host-a was replaced, but its expiry is not later (2026-02-06 09:00 JST)",
        ),
        (
            Settlement(how=SettlementKind.GONE),
            "host-a was removed from the configuration, so its certificate is no longer monitored",
        ),
        (Settlement(how=SettlementKind.UNTRUSTED), "No host trusts the CA host-a any longer"),
        (Settlement(how=SettlementKind.EARLIER), "The notice about host-a was already resolved"),
    ],
)
def test_a_settled_one_says_how_and_has_no_buttons(settled: Settlement, headline: str) -> None:
    message = render(notice(ending(settled=settled)), ENGLISH)
    assert [
        f":white_check_mark: *{headline}*",
        f"`/flatnet cert show host-a` · `1a1a1a1a1a1a` · previous expiry: {DATE}",
    ] == shown(message)
    assert {} == pressed(message)
    assert headline == message.text


def test_one_that_was_said_too_early_says_when_it_ends_and_calls_nothing_settled() -> None:
    early = Settlement(how=SettlementKind.PREMATURE)
    told = "The warning about host-a was premature: the bot's clock was ahead. host-a expires at 2026-02-06 09:00 JST"
    message = render(notice(ending(settled=early)), ENGLISH)
    assert [f":white_check_mark: *{told}*", "`/flatnet cert show host-a` · `1a1a1a1a1a1a`"] == shown(message)
    several = render(notice(ending("host-b", settled=RENEWED), *(ending(settled=early),) * 2), ENGLISH)
    assert "None of the 3 warnings apply any longer\nRenewed: host-b\nPremature warning: host-a and host-a" == several.text


def test_when_all_of_many_are_settled_the_message_says_how_many_how() -> None:
    settled = [each.model_copy(update={"settled": RENEWED}) for each in many(30)]
    message = render(notice(*settled, ending("host-x", settled=Settlement(how=SettlementKind.GONE))), ENGLISH)
    first, *rest = shown(message)[0].splitlines()
    assert ":white_check_mark: *All 31 certificates resolved*" == first
    assert rest[0].startswith("Renewed: host-001, host-002, ")
    assert rest[0].endswith(" and 10 more")
    assert ["No longer configured: host-x"] == rest[1:]
    assert {} == pressed(message)


def test_a_notice_is_the_same_after_it_was_kept_as_json() -> None:
    whole = notice(*many(2), ending(settled=RENEWED))
    assert whole == ExpiryNotice.model_validate_json(whole.model_dump_json())


ENDINGS = st.builds(
    lambda name, days, bound, settled: ending(name, AT + timedelta(days=days), bound=bound, settled=settled),
    HOSTILE.flatmap(lambda text: st.sampled_from([text, text * 100])),
    st.integers(-40, 200),
    st.booleans(),
    st.none() | st.builds(lambda how: Settlement(how=how, until=ENDS), st.sampled_from(SettlementKind)),
)


@WHATEVER
@given(
    st.lists(ENDINGS, min_size=1, max_size=8),
    st.sampled_from([1, 40]),
    st.booleans(),
    st.sampled_from([0, 1, 30, 180]),
    st.sampled_from([ENGLISH, JAPANESE]),
)
def test_a_notice_of_any_size_and_with_any_name_stays_in_its_place(
    of: list[ExpiryNoticeItem], times: int, authority: bool, days: int, texts: Texts
) -> None:
    endings = [each.model_copy(update={"authority": authority}) for each in of] * times
    assert_harmless(render(notice(*endings, within=timedelta(days=days)), texts))


@pytest.mark.parametrize("texts", [ENGLISH, JAPANESE], ids=["en", "ja"])
def test_the_longest_names_still_fit(texts: Texts) -> None:
    """Every name as long as it may become, all of it characters that grow when they are escaped."""
    fates = [Settlement(how=how, until=ENDS) for how in SettlementKind]
    open_ones = [ending("&" * 5_000, authority=True) for _ in range(254)]
    settled = [ending("&" * 5_000, authority=True, settled=how) for how in fates * 50]
    assert_harmless(render(notice(*open_ones, *settled), texts))
    assert_harmless(render(notice(*settled), texts))
