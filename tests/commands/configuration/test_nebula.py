"""config.yaml of Nebula: entries of its blocklist and of its static_host_map, byte for byte, or refused with the place."""

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from commands.configuration.nebula import (
    block_fingerprint,
    explain_silent_log,
    is_fingerprint,
    name_pki,
    read_blocklist,
    read_static_hosts,
    remove_static_host,
    require_common,
    unblock_fingerprint,
)
from commands.configuration.splice import UnsuitableText, apply_splices, invert_splices

OLD, NEW, DIGITS = "ab" * 32, "0c" * 32, "1" * 20 + "e" + "2" * 43

TAIL = 'static_host_map:\n  "10.100.0.1": ["192.0.2.10:4242"]\n'


def pki(text: str) -> bytes:
    return f"pki:\n  ca: /etc/ca.crt # the CA\n{text}{TAIL}".encode()


def block(text: bytes, fingerprint: str = NEW) -> bytes:
    return apply_splices(text, block_fingerprint(text, fingerprint))


def unblock(text: bytes, fingerprint: str = NEW) -> bytes:
    return apply_splices(text, unblock_fingerprint(text, fingerprint))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(f"  blocklist:\n    - {OLD}\n", f'  blocklist:\n    - {OLD}\n    - "{NEW}"\n', id="block"),
        pytest.param(
            f"  blocklist:\n  - '{OLD}' # host-b\n", f"  blocklist:\n  - '{OLD}' # host-b\n  - \"{NEW}\"\n", id="comment"
        ),
        pytest.param(f"  blocklist: [{OLD}]\n", f'  blocklist: [{OLD}, "{NEW}"]\n', id="flow"),
        pytest.param(
            f"  blocklist: [\n    {OLD}, # b\n  ]\n", f'  blocklist: [\n    {OLD}, "{NEW}", # b\n  ]\n', id="flow, lines"
        ),
        pytest.param("  blocklist: []\n", f'  blocklist: ["{NEW}"]\n', id="empty brackets"),
    ],
)
def test_a_fingerprint_is_added_and_removed_again(before: str, after: str) -> None:
    assert pki(after) == block(pki(before))
    assert pki(before) == unblock(pki(after))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(b"pki:\n  ca: x\n", b'pki:\n  blocklist:\n    - "%s"\n  ca: x\n', id="none"),
        pytest.param(b"pki: {ca: x}\n", b'pki: {blocklist: ["%s"], ca: x}\n', id="none, in braces"),
        pytest.param(b"pki:\n  blocklist: # later\n", b'pki:\n  blocklist: # later\n    - "%s"\n', id="without a value"),
        pytest.param(
            b"pki:\n  blocklist:\n    - a", b'pki:\n  blocklist:\n    - a\n    - "%s"', id="no line break at the end"
        ),
        pytest.param(b"pki:\r\n  ca: x\r\n", b'pki:\r\n  blocklist:\r\n    - "%s"\r\n  ca: x\r\n', id="CRLF"),
        pytest.param(b"\xef\xbb\xbfpki:\n  ca: x\n", b'\xef\xbb\xbfpki:\n  blocklist:\n    - "%s"\n  ca: x\n', id="BOM"),
        pytest.param(
            b"# \x95\x5c\npki:\n  ca: x\n", b'# \x95\x5c\npki:\n  blocklist:\n    - "%s"\n  ca: x\n', id="Shift-JIS"
        ),
        pytest.param(
            b"pki:\n  ca: x #\ttab\n", b'pki:\n  blocklist:\n    - "%s"\n  ca: x #\ttab\n', id="a tab in a comment"
        ),
        pytest.param(
            b"pki:\n  ca: |\n    - blocklist:\n", b'pki:\n  blocklist:\n    - "%s"\n  ca: |\n    - blocklist:\n', id="text"
        ),
    ],
)
def test_a_list_that_is_not_there_yet_is_added(text: bytes, expected: bytes) -> None:
    assert expected % NEW.encode() == block(text)
    assert text == apply_splices(block(text), invert_splices(block_fingerprint(text, NEW)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"  blocklist:\n    - {NEW}\n", "  blocklist: []\n"),
        (f"  blocklist: # theirs\n    - {NEW} # a\n    # b\n", "  blocklist: [] # theirs\n    # b\n"),
        (f"  blocklist:\n    - {NEW}\n    - {OLD}\n", f"  blocklist:\n    - {OLD}\n"),
        (f"  blocklist: [{NEW}, {OLD}]\n", f"  blocklist: [{OLD}]\n"),
        (f"  blocklist: [ {NEW}, ]\n", "  blocklist: []\n"),
    ],
)
def test_an_entry_is_removed_with_the_comment_on_its_line(before: str, after: str) -> None:
    assert pki(after) == unblock(pki(before))


def test_a_last_line_without_a_line_break_is_removed() -> None:
    text = f"pki:\n  blocklist:\n    - {OLD}\n    - {NEW}".encode()
    assert f"pki:\n  blocklist:\n    - {OLD}".encode() == unblock(text)


def test_an_entry_that_blocks_nothing_can_be_seen_and_removed() -> None:
    text = pki(f"  blocklist:\n    - SHA256:{OLD}\n    - {OLD.upper()}\n")
    assert [False, False] == [is_fingerprint(each) for each in read_blocklist(text)]
    assert pki(f"  blocklist:\n    - {OLD.upper()}\n") == unblock(text, f"SHA256:{OLD}")


@pytest.mark.parametrize(
    ("logging", "silent"),
    [("", False), ("logging:\n  format: json\n", False), ("logging:\n  level: debug\n", False),
     ("logging: {level: ERROR}\n", True), ('logging:\n  level: "warn"\n', True)],
)  # fmt: skip
def test_a_log_above_the_level_info_proves_nothing(logging: str, silent: bool) -> None:
    assert silent == (explain_silent_log(pki("") + logging.encode()) is not None)


def test_nothing_is_edited_where_nothing_is_to_do() -> None:
    assert ((), (), ()) == (
        block_fingerprint(pki(f"  blocklist: [{OLD}]\n"), OLD),
        unblock_fingerprint(pki(""), OLD),
        remove_static_host(pki(""), "10.100.9.1"),
    )


def test_a_fingerprint_that_looks_like_a_number_stays_text() -> None:
    assert f'"{DIGITS}"'.encode() in block(pki("  blocklist: []\n"), DIGITS)


@pytest.mark.parametrize("text", ["", "ab" * 31, "AB" * 32, f"SHA256:{OLD}", "zz" * 32, f"{OLD}\n", OLD[:-1] + "é"])
def test_only_64_lower_case_hexadecimal_digits_are_a_fingerprint(text: str) -> None:
    assert not is_fingerprint(text)
    with pytest.raises(ValueError, match="64 lower-case"):
        block_fingerprint(pki(""), text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(b"pki:\n  blocklst: []\n", "line|blocklst may be a misspelling of blocklist", id="misspelt"),
        pytest.param(b"pki:\n  Blocklist: []\n", "Blocklist may be a misspelling", id="upper case"),
        pytest.param(b"pki:\n  blacklist: []\n", "blacklist may be a misspelling", id="an old name"),
        pytest.param(b"pkis:\n  blocklist: []\n", "pkis may be a misspelling of pki", id="misspelt section"),
        pytest.param(b"pki:\n  blocklist: {}\n", "blocklist is not a list", id="a mapping"),
        pytest.param(b"pki:\n  blocklist: abc\n", "blocklist is not a list", id="a value"),
        pytest.param(b"pki:\n  blocklist: [[a]]\n", "not a single value", id="a list in the list"),
        pytest.param(b"pki:\n  blocklist: &a [x]\n", "an anchor", id="an anchor"),
        pytest.param(b"x: &a [x]\npki:\n  blocklist: *a\n", "an anchor", id="an alias"),
        pytest.param(b"x: &a {c: d}\npki:\n  <<: *a\n", "an anchor", id="a merged mapping"),
        pytest.param(b"pki:\n  <<: {c: d}\n", "not a plain word", id="a merge key"),
        pytest.param(b"pki:\n  ca: !!binary eA==\n", "a tag", id="a tag"),
        pytest.param(b"pki:\n  ca: x\npki:\n  ca: y\n", "the key pki occurs twice", id="a section twice"),
        pytest.param(b"pki:\n  ca: x\n  'ca': y\n", "the key ca occurs twice", id="a key twice"),
        pytest.param(b"pki:\n\tca: x\n", "not valid YAML", id="tabs as indentation"),
        pytest.param(b"pki: [\n", "not valid YAML", id="an open bracket"),
        pytest.param(b"pki: {}\n---\npki: {}\n", "not valid YAML", id="two documents"),
        pytest.param(b"", "not valid YAML", id="empty"),
        pytest.param(b"\0\0", "not valid YAML", id="zeros"),
        pytest.param(b"[" * 500, "not valid YAML", id="many brackets"),
        pytest.param(b"- pki\n", "section pki not found", id="a list"),
        pytest.param(b"pki:\n", "section pki not found", id="an empty section"),
        pytest.param(b"pki: {ca: x}\n# " + b"x" * 100_000, "more than 100000 bytes", id="too large"),
    ],
)
def test_any_other_file_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(UnsuitableText, match=why):
        block_fingerprint(text, NEW)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_static_host_is_removed(line_end: str) -> None:
    def lines(text: str) -> bytes:
        return text.replace("\n", line_end).encode()

    rest = 'static_host_map:\n  # hosts\n{}  "10.100.0.1": ["192.0.2.10:4242"]\nlisten:\n  port: 4242\n'
    old = lines(rest.format('  "10.100.9.1": ["192.0.2.19:4242", "gw.example:4242"]\n'))
    assert {"10.100.9.1": ("192.0.2.19:4242", "gw.example:4242"), "10.100.0.1": ("192.0.2.10:4242",)} == read_static_hosts(
        old
    )
    assert lines(rest.format("")) == apply_splices(old, remove_static_host(old, "10.100.9.1"))


def test_a_static_host_with_a_list_of_lines_is_removed_whole() -> None:
    rows = b'static_host_map:\n  "10.100.9.1":\n    - a:1\n    - b:2 # b\n  "10.100.0.1": [c:3]\n'
    assert b'static_host_map:\n  "10.100.0.1": [c:3]\n' == apply_splices(rows, remove_static_host(rows, "10.100.9.1"))


def test_the_last_static_host_leaves_empty_braces() -> None:
    old = b'static_host_map:\n  "10.100.9.1":\n    - a:1\nx: 1\n'
    assert b"static_host_map: {}\nx: 1\n" == apply_splices(old, remove_static_host(old, "10.100.9.1"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"static_hosts_map: {}\n", "may be a misspelling of static_host_map"),
        (b"static_host_map: []\n", "section static_host_map not found"),
        (b"pki: {}\n", "section static_host_map not found"),
    ],
)
def test_a_static_host_map_of_another_form_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(UnsuitableText, match=why):
        remove_static_host(text, "10.100.9.1")


HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
KEPT = st.lists(
    st.sampled_from(["# a comment", "# 鍵", "  # deeper", "", "firewall: {inbound: []}", "listen:\n  port: 4242"]),
    unique=True,
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Draws a configuration with a blocklist in any layout."""
    listed = draw(st.lists(HEX, unique=True, max_size=3))
    indent, tail = draw(st.sampled_from(["  ", "    "])), draw(st.sampled_from(["", "  # why"]))
    if not listed or draw(st.booleans()):
        between = draw(st.sampled_from([", ", " , ", ",\n      "]))
        rows = f"{indent}blocklist: [{between.join(listed)}]{tail}"
    else:
        rows = "\n".join([f"{indent}blocklist:{tail}", *(f"{indent}- {each}{tail}" for each in listed)])
    text = "\n".join([*draw(KEPT), "pki:", f"{indent}ca: x", rows, "end: 1", ""])
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))).encode()


@given(files(), HEX)
def test_whatever_the_layout_an_edit_and_its_inverse_leave_the_same_bytes(text: bytes, fingerprint: str) -> None:
    listed = read_blocklist(text)
    assume(fingerprint not in listed)
    edits: list[tuple[Callable[[bytes, str], bytes], str, tuple[str, ...]]] = [(block, fingerprint, (*listed, fingerprint))]
    edits += [(unblock, each, tuple(other for other in listed if other != each)) for each in listed]
    for edit, entry, expected in edits:
        assert expected == read_blocklist(edit(text, entry))
    splices = block_fingerprint(text, fingerprint)
    assert text == apply_splices(apply_splices(text, splices), invert_splices(splices))
    assert text == unblock(block(text, fingerprint), fingerprint)


PATHS = {"ca": r"F:\flatnet\ca.crt", "cert": r"F:\it's\host.crt", "key": r"F:\flatnet\host.key"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            b"pki:\r\n  ca: F:\\flatnet\\ca.crt\r\n  cert: \"E:\\\\old.crt\" # old\r\n  key: 'x'\r\n",
            b"pki:\r\n  ca: F:\\flatnet\\ca.crt\r\n  cert: 'F:\\it''s\\host.crt' # old\r\n"
            b"  key: 'F:\\flatnet\\host.key'\r\n",
            id="lines",
        ),
        pytest.param(
            b"pki: {key: k, ca: a, cert: c, blocklist: []}\n",
            b"pki: {key: 'F:\\flatnet\\host.key', ca: 'F:\\flatnet\\ca.crt', cert: 'F:\\it''s\\host.crt', blocklist: []}\n",
            id="braces",
        ),
    ],
)
def test_the_files_of_an_identity_are_named_and_nothing_else_changes(before: bytes, after: bytes) -> None:
    assert after == apply_splices(before, name_pki(before, PATHS))
    assert () == name_pki(after, PATHS)


def test_an_inline_key_is_no_path() -> None:
    with pytest.raises(UnsuitableText, match="pki does not name key as the path of a file"):
        name_pki(b"pki:\n  ca: a\n  cert: c\n  key: |\n    -----BEGIN\n    x\n", PATHS)


MARKS = ("host-a", "10.100.1.1", "10.87.1.0/24")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TAIL.encode(), None),
        (b'static_host_map:\n  "10.100.1.1": ["192.0.2.1:4242"]\n', None),
        (b"# host-a\nlisten: {host: 0.0.0.0}\n", None),
        (b"tun: {dev: host-ab, mtu: 110.100.1.1}\n", None),
        (b"lighthouse: {am_lighthouse: false, hosts: [10.100.1.11]}\n", None),
        (b"lighthouse: {am_lighthouse: true}\n", "this is the configuration of a lighthouse"),
        (b"listen:\n  host: 10.100.1.1\n", "10.100.1.1 is of this host alone"),
        (b"tun:\n  routes:\n    - {route: 10.87.1.0/24}\n", "10.87.1.0/24 is of this host alone"),
        (b"stats:\n  prefix: flatnet.host-a\n", None),
        (b"stats:\n  prefix: 'of host-a'\n", "host-a is of this host alone"),
    ],
)
def test_what_only_one_host_may_have_keeps_a_configuration_from_being_copied(text: bytes, why: str | None) -> None:
    if why is None:
        require_common(text, MARKS)
        return
    with pytest.raises(UnsuitableText, match=why):
        require_common(text, MARKS)
