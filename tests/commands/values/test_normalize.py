"""What Slack, phones and input methods do to typed text, and that it is undone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.values.normalize import MAX_REQUEST_LENGTH, Token, normalize_text, quote


def words(text: str) -> list[str]:
    return [token.text for token in normalize_text(text).tokens]


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("health host-a --details", "health host-a --details"),
        ("health host-a ––details", "health host-a --details"),
        ("health host-a —details", "health host-a --details"),
        ("health host-a –details", "health host-a --details"),
        ("health host-a -–details", "health host-a --details"),
        ("log nebula –n 50", "log nebula -n 50"),
        ("log nebula –tail=50", "log nebula --tail=50"),
        ("ｈｅａｌｔｈ　ｈｏｓｔ－ａ　－－ｄｅｔａｉｌｓ", "health host-a --details"),
        ("health host‑a", "health host-a"),
        ("health host-1–host-3", "health host-1–host-3"),
        ("log “tokyo 01” ‘1 h’", "log \"tokyo 01\" '1 h'"),
        ("health ＂host-a＂", 'health "host-a"'),
        ("health <http://host-a.example.net|host-a.example.net>", "health host-a.example.net"),
        ("health <http://host-a>", "health http://host-a"),
        ("mail <mailto:a@example.net|a@example.net>", "mail a@example.net"),
        ("mail <mailto:a@example.net>", "mail a@example.net"),
        ("can <@U123|ana> in <#C9|ops>", "can @U123 in #C9"),
        ("can <!subteam^S77|@ops> <!channel>", "can @S77 @channel"),
        ("log &lt;err&gt; &amp; warn", "log <err> & warn"),
        ("health `host-a`", "health host-a"),
        ("health\u00a0host-a\ufeff\u200b", "health host-a"),
        ("\u202ehealth\u200f host-a", "health host-a"),
        ("hea\x00lth\nhost-a\r\n--details", "health host-a  --details"),
        ("サーバー ーー", "サーバー ーー"),
        ("\ud83dhealth", "health"),
        ("   ", ""),
    ],
)
def test_what_was_done_to_the_text_is_undone(typed: str, understood: str) -> None:
    assert understood == normalize_text(typed).text


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ('log error --grep "エラー：接続" --fixed', 'log error --grep "エラー：接続" --fixed'),
        ("log error --grep ＂エラー：接続＂ ––fixed", 'log error --grep "エラー：接続" --fixed'),
        ("log error --grep “エラー：接続” —fixed", 'log error --grep "エラー：接続" --fixed'),
        ("log error --grep ‘–n — ‒ １２３　“x” `y` …’ –n 5", "log error --grep '–n — ‒ １２３　“x” `y` …' -n 5"),
        ('--reason "it’s –details, “quoted” and `run`"', '--reason "it’s –details, “quoted” and `run`"'),
        ('--grep="ＧＥＴ　／" ＧＥＴ', '--grep="ＧＥＴ　／" GET'),
        ("--grep エラー：接続", "--grep エラー:接続"),
        ('"a &lt;b&gt; &amp; c"', '"a <b> & c"'),
        ('"see <http://a.example/x|a.example/x> <mailto:a@b.example|a@b.example>"', '"see a.example/x a@b.example"'),
        ('"ask <@U123|ana>"', '"ask @U123"'),
        ('"a\nb\tc\u200bd\x00e\u202ef"', '"a b cdef"'),
        ("it’s `host-a` “ｘ”", 'it\'s host-a "ｘ"'),
        ("“a –details", '"a --details'),
        ('"a “b” ｃ', '"a "b" c'),
    ],
)
def test_a_quoted_text_stays_but_for_what_slack_did_to_it(typed: str, understood: str) -> None:
    """Its quotes become straight; what is invisible goes, as everywhere."""
    assert understood == normalize_text(typed).text


def test_a_word_knows_where_it_stands_in_the_repaired_text() -> None:
    typed = normalize_text("health  “host-a”,host-b")

    assert (Token("health", 0, 6), Token("host-a,host-b", 8, 23, quoted=True)) == typed.tokens
    assert '"host-a",host-b' == typed.text[8:23]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('log "tokyo 01"', ["log", "tokyo 01"]),
        ("a'b c'd", ["ab cd"]),
        ('log ""', ["log", ""]),
        ("say it's broken", ["say", "it's", "broken"]),
        ('say it\'s "all over"', ["say", "it's", "all over"]),
        ('log "tokyo 01', ["log", '"tokyo', "01"]),
        (r"log F:\flatnet\logs", ["log", r"F:\flatnet\logs"]),
    ],
)
def test_words_are_split_at_spaces_outside_paired_quotes(text: str, expected: list[str]) -> None:
    assert expected == words(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('log nebula --grep "Handshake timed', 18),
        ("log nebula --grep 'Handshake timed", 18),
        ("log nebula --grep “Handshake timed", 18),
        ("log nebula --grep ＂Handshake timed", 18),
        ('log nebula --grep="Handshake timed', 18),
        ('"log nebula', 0),
        ("log nebula --grep \"it's over", 18),
        ('log "a b" "', 10),
        ("say it's broken", None),
        ("say 5' and 3\"", None),
        ('say it\'s "all over"', None),
        ('log "a b" host-a', None),
        (r"log F:\flatnet\logs", None),
        ("", None),
    ],
)
def test_a_quote_that_begins_a_word_and_is_never_closed_is_known(text: str, place: int | None) -> None:
    """One within a word is an ordinary character."""
    assert place == normalize_text(text).unclosed


def test_four_thousand_characters_are_read_and_more_is_said_to_be_cut() -> None:
    assert not normalize_text("a" * MAX_REQUEST_LENGTH).cut
    assert normalize_text("a" * (MAX_REQUEST_LENGTH + 1)).cut
    assert MAX_REQUEST_LENGTH == len(normalize_text("a" * 100_000).text)


def test_nested_escapes_and_links_end_in_plain_text() -> None:
    assert "<" == normalize_text("&amp;amp;amp;lt;").text
    assert "host-a" == normalize_text("&lt;http://a|&lt;http://b|host-a&gt;&gt;").text


PIECES = (
    "<http://a|",
    "<@U1",
    "<!here",
    ">",
    "&amp;",
    "&lt;",
    "&gt;",
    "lt;",
    "amp;",
    " –x",
    "mailto:",
    *"<>|&;`\"'“”‘’＂＇#-–—ー　‑…＆；＜＞：\u200b\n",
)
HOSTILE = st.text(max_size=60) | st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=30).map("".join)


TYPOGRAPHIC = st.sampled_from("“”‘’„‚＂＇`｀–—…：－　\"'")


@settings(deadline=None)
@given(HOSTILE | st.text(TYPOGRAPHIC | st.sampled_from("a －＜＞＆；<>&;lt|"), max_size=40))
def test_repairing_twice_is_repairing_once_and_nothing_raises(text: str) -> None:
    once = normalize_text(text)

    assert once == normalize_text(once.text)
    assert all(once.text[token.start : token.end] for token in once.tokens)


@settings(deadline=None)
@given(st.lists(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"], exclude_characters="<>&") | TYPOGRAPHIC)))
def test_quoted_words_are_read_back_as_they_were(given_words: list[str]) -> None:
    typed = normalize_text(" ".join(quote(word) for word in given_words))

    assert given_words == [token.text for token in typed.tokens]
