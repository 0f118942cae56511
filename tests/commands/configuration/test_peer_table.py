"""The one table of peers in nginx.conf: found strictly, edited byte for byte, refused with its place otherwise."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.configuration.diff import diff_splices
from commands.configuration.peer_table import FoundPeers, add_peer, find_peers, remove_peer
from commands.configuration.splice import UnsuitableText, apply_splices, invert_splices

MAIN = r"F:\flatnet\config\nginx.conf"
B, C, NEW = "http://10.100.2.1:8080", "http://10.100.3.1:8080", "http://10.100.4.1:8080"

AROUND = """worker_processes 1;
http {{
    server_tokens off; # "quotes" and { braces
    init_worker_by_lua_block {{
        {code}
    }}
    server {{ listen 10.100.1.1:8080; location / {{ content_by_lua_block {{ ngx.say("}}") }} }} }}
}}
"""


def conf(code: str) -> bytes:
    return AROUND.replace("{ braces", "{{ braces").format(code=code).encode()


def table(peers: str) -> bytes:
    return conf(f"sync.configure({{ host_id = 1, peers = {peers}, interval = 30 }})")


def find(text: bytes, **included: bytes) -> FoundPeers:
    return find_peers({MAIN: text, **{rf"F:\flatnet\config\{name}": each for name, each in included.items()}}, MAIN)


def added(text: bytes, address: str = NEW) -> bytes:
    return apply_splices(text, add_peer(find(text), address))


def removed(text: bytes, address: str = B) -> bytes:
    return apply_splices(text, remove_peer(find(text), address))


FORMS = [
    pytest.param("{}", '{"%s"}', id="none"),
    pytest.param("{ }", '{"%s" }', id="none, with a space"),
    pytest.param(f'{{"{B}"}}', f'{{"{B}", "%s"}}', id="one"),
    pytest.param(f"{{'{B}' , }}", f"{{'{B}', '%s' , }}", id="single quotes, a separator at the end"),
    pytest.param(f'{{"{C}"; "{B}"}}', f'{{"{C}"; "{B}", "%s"}}', id="semicolons"),
    pytest.param(f"{{[[{B}]]}}", f'{{[[{B}]], "%s"}}', id="long brackets"),
    pytest.param(f'{{\n  "{B}"\n}}', f'{{\n  "{B}",\n  "%s"\n}}', id="a line each"),
    pytest.param(f'{{\r\n\t"{B}",\r\n}}', f'{{\r\n\t"{B}",\r\n\t"%s",\r\n}}', id="CRLF, tabs, a separator at the end"),
    pytest.param(f'{{\n  "{B}" -- b }}\n}}', f'{{\n  "{B}", -- b }}\n  "%s"\n}}', id="a comment with a brace on the line"),
    pytest.param(f'{{\n  "{B}", -- b\n}}', f'{{\n  "{B}", -- b\n  "%s",\n}}', id="a comment after the separator"),
    pytest.param(f'{{\n  "{B}" --[[ b\n]]\n}}', f'{{\n  "{B}", "%s" --[[ b\n]]\n}}', id="a comment of two lines"),
    pytest.param(f'{{\n  "{B}"\n  , }}', f'{{\n  "{B}", "%s"\n  , }}', id="the separator on the next line"),
    pytest.param(f'{{\n  "{C}",\n  "{B}" }}', f'{{\n  "{C}",\n  "{B}", "%s" }}', id="the brace on the last line"),
    pytest.param('{ -- "x"\n}', '{"%s" -- "x"\n}', id="a comment only"),
]


@pytest.mark.parametrize(("before", "after"), FORMS)
def test_an_address_is_added_at_the_end_and_removed_again(before: str, after: str) -> None:
    old, new = table(before), table(after % NEW)
    assert new == added(old)
    assert (*find(old).addresses, NEW) == find(new).addresses
    assert old == removed(new, NEW)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f'{{"{B}", "{C}"}}', f'{{"{C}"}}'),
        (f'{{"{C}", "{B}"}}', f'{{"{C}"}}'),
        (f'{{"{B}",}}', "{}"),
        (f'{{\n  "{B}", -- b\n  "{C}" -- c\n}}', f'{{\n  "{C}" -- c\n}}'),
        (f'{{\n  "{C}", -- c\n  "{B}" -- b\n}}', f'{{\n  "{C}" -- c\n}}'),
        (f'{{"{C}", --[[ c ]] "{B}", "x"}}', f'{{"{C}", --[[ c ]] "x"}}'),
        (f'{{"{C}", --[[ c ]] "{B}"}}', f'{{"{C}" --[[ c ]] }}'),
        (f'{{"{C}", --[[ c ]] "{B}",}}', f'{{"{C}", --[[ c ]] }}'),
    ],
)
def test_an_address_is_removed_with_its_separator_and_the_comment_on_its_line(before: str, after: str) -> None:
    assert table(after) == removed(table(before))


IDLE = f'local text = [==[ }} ]] sync.configure({{ peers = {{"{C}"}} }}) ]==] local a = "\\"}}" .. \'{{\''


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(f'sync.configure({{ peers = {{"{B}"}} }}) -- sync.configure({{ peers = {{"{C}"}} }})', id="a comment"),
        pytest.param(
            f'--[[ sync.configure({{ peers = {{"{C}"}} }})\n]] sync.configure{{ peers={{"{B}"}} }}', id="a long comment"
        ),
        pytest.param(f'{IDLE} sync.configure({{ peers = {{"{B}"}} }})', id="texts with brackets"),
        pytest.param(
            f'sync.configure({{ t = {{ peers = {{"{C}"}} }}, peers = {{"{B}"}} }})',
            id="peers of another table",
        ),
        pytest.param(f'sync.configure({{ a = f(1, 2), b = x[1], peers = {{"{B}"}}; c = "," }})', id="other fields"),
        pytest.param(
            f'local d = 8-3 --d\nsync.configure({{ peers = {{"{B}"}} }}) if a ~= 0x1F then b = 1e-3 end', id="numbers"
        ),
    ],
)
def test_only_the_table_that_lua_reads_counts(code: str) -> None:
    assert (B,) == find(conf(code)).addresses


SAME = f'sync.configure({{ peers = {{"{B}"}} }})'


@pytest.mark.parametrize(
    ("code", "why"),
    [
        pytest.param("ngx.log(1)", "no call of sync.configure", id="none"),
        pytest.param(f"-- {SAME}", "no call of sync.configure", id="one in a comment"),
        pytest.param(f"{SAME}\n{SAME}", r"several tables of peers .*conf:5:34, .*conf:6:26", id="two calls"),
        pytest.param(
            "sync.configure({ peers = {}, peers = {} })", "line 5, column 46: the table of peers is here twice", id="two"
        ),
        pytest.param("sync.configure({ host_id = 1 })", "has no table of peers here", id="a call without peers"),
        pytest.param("sync.configure(settings)", "not called with a table", id="a variable"),
        pytest.param(
            "local c = sync.configure c({ peers = {} })", "not called with a table", id="another name of the function"
        ),
        pytest.param("sync:configure({ peers = {} }, 1)", "more than one argument", id="two arguments"),
        pytest.param("sync.configure({ peers = others })", "column 34: the peers are not a table", id="peers in a variable"),
        pytest.param("sync.configure({ peers = {} .. x })", "the peers are not a table", id="peers that are computed"),
        pytest.param('sync.configure({ ["peers"] = {} })', "in brackets", id="a key in brackets"),
        pytest.param("sync.configure({ f = function() end })", "a function is in the table", id="a function"),
        pytest.param('sync.configure({ peers = { "a" .. b } })', "line 5, column 40: .*plain addresses", id="an expression"),
        pytest.param('sync.configure({ peers = { [1] = "a" } })', "plain addresses", id="an entry with a key"),
        pytest.param("sync.configure({ peers = { b } })", "column 36: .*plain addresses", id="a variable in the table"),
        pytest.param(r'sync.configure({ peers = { "\104ttp" } })', "plain addresses", id="an escape"),
        pytest.param("sync.configure({ peers = { {} } })", "plain addresses", id="a table in the table"),
        pytest.param("sync.configure({ peers = { ,} })", "plain addresses", id="an empty entry"),
        pytest.param('sync.configure({ peers = { "a } })', "not valid Lua", id="an open text"),
        pytest.param("sync.configure({ peers = { [[ } })", "not valid Lua", id="an open long text"),
        pytest.param("sync.configure({ peers = {", "does not end|is missing", id="an open table"),
    ],
)
def test_any_other_table_is_refused_with_its_place(code: str, why: str) -> None:
    with pytest.raises(UnsuitableText, match=why):
        find(conf(code))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(b"http { server { }", "is missing", id="an open block"),
        pytest.param(b"http { } }", "line 1, column 10: .*is missing", id="a brace too many"),
        pytest.param(b'http { a "b; }', "is missing", id="an open quote"),
        pytest.param(b"http { a b }", "is missing", id="no semicolon"),
        pytest.param(b"a" * 100_000, "is missing", id="one long word"),
        pytest.param(b"a{" * 50_000, "inside too many others", id="many blocks"),
        pytest.param(b"http { init_worker_by_lua_block x; }", "does not begin with a brace", id="Lua without a brace"),
        pytest.param(b"http { init_worker_by_lua_block { } ", "is missing", id="an open block after Lua code"),
        pytest.param(
            b"http { init_worker_by_lua_block { if } }", r"is missing|does not end|no call", id="a block that ends early"
        ),
        pytest.param(b"\0" * 100, "is missing", id="zeros"),
    ],
)
def test_a_file_that_nginx_would_not_read_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(UnsuitableText, match=why):
        find(text)


def test_lua_code_directly_after_its_directive_or_with_a_variable_is_read() -> None:
    code = f'set_by_lua_block $a {{ return "}}" }} set_by_lua_block $b{{ return 1 }} init_worker_by_lua_block{{ {SAME} }}'
    assert (B,) == find(f"http {{ {code} log_by_lua_block {{ }} a b; }}".encode()).addresses


BOM, ODD = b"\xef\xbb\xbf", "表ソ能".encode("cp932")
"""A byte order mark, and words in Shift-JIS whose second bytes are backslashes."""


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(lambda text: BOM + text, id="BOM"),
        pytest.param(lambda text: b"# " + ODD + b"\n" + text, id="Shift-JIS in a comment of nginx"),
        pytest.param(lambda text: text.replace(b"sync.", b"-- " + ODD + b"\n sync.", 1), id="Shift-JIS in a comment of Lua"),
        pytest.param(lambda text: text.replace(b"host_id", b'name = "\x8a\xb4\x85\xa0", host_id'), id="Shift-JIS in a text"),
    ],
)
def test_other_bytes_stay_as_they_are(change: object) -> None:
    assert callable(change)
    old, new = change(table(f'{{\n"{B}"\n}}')), change(table(f'{{\n"{B}",\n"{NEW}"\n}}'))
    assert new == added(old)
    assert old == removed(new, NEW)


def test_a_table_in_an_included_file_is_edited_there() -> None:
    main = b"http { include conf.d/*.conf; include mime.types; }"
    found = find(main, **{"conf.d\\sync.conf": f"init_worker_by_lua_block {{ {SAME} }}".encode(), "mime.types": b""})
    assert (r"F:\flatnet\config\conf.d\sync.conf", (B,)) == (found.file, found.addresses)


@pytest.mark.parametrize(
    "pattern", ["CONF.D/sync.conf", r"conf.d\sync.conf", "F:/flatnet/config/conf.d/sync.conf", "./x/../conf.d/*"]
)
def test_names_of_includes_are_those_of_windows(pattern: str) -> None:
    main = f"http {{ include '{pattern}'; }}".encode()
    assert (B,) == find(main, **{r"conf.d\sync.conf": f"init_worker_by_lua_block {{ {SAME} }}".encode()}).addresses


def test_a_second_table_in_an_included_file_is_refused() -> None:
    more = f"init_worker_by_lua_block {{ {SAME} }}".encode()
    with pytest.raises(UnsuitableText, match=r"several tables of peers .*nginx.conf:5.*more.conf:1"):
        find(conf(SAME).replace(b"http {", b"http { include more.conf;"), **{"more.conf": more})


def test_an_included_file_that_is_missing_is_refused_and_one_of_a_server_is_not_read() -> None:
    with pytest.raises(UnsuitableText, match=r"nginx.conf, line 1, column 25: could not read .*gone.conf"):
        find(b"http { include gone.conf; }")
    assert (B,) == find(conf(SAME).replace(b"listen", b"include params.conf; listen")).addresses


def test_files_that_include_each_other_are_read_once() -> None:
    looped = f"include nginx.conf; include a.conf; init_worker_by_lua_block {{ {SAME} }}".encode()
    assert (B,) == find(b"http { include a.conf; }", **{"a.conf": looped}).addresses


@pytest.mark.parametrize("address", ["", 'a"', "a'", "a\\", "a b", "ä", "a\n"])
def test_an_address_that_could_leave_its_quotes_is_never_written(address: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        add_peer(find(table("{}")), address)


@pytest.mark.parametrize("peers", [f'{{"{C}"}}', f'{{"{B}", "{C}", "{B}"}}'])
def test_an_address_that_is_not_listed_once_is_not_removed(peers: str) -> None:
    with pytest.raises(UnsuitableText, match="not exactly once"):
        remove_peer(find(table(peers)), B)


SPACES = st.text(" \t", max_size=2) | st.sampled_from(["\n", "\r\n  ", " -- a, b }\n", " --[[ \n ' ]] "])
ADDRESSES = st.integers(1, 254).map(lambda number: f"http://10.100.{number}.1:8080")


@st.composite
def tables(draw: st.DrawFn) -> str:
    """Draws a table of peers with any spaces, comments, quotes and separators."""
    addresses = draw(st.lists(ADDRESSES, unique=True, max_size=4))
    text = "{"
    for place, address in enumerate(addresses):
        quote = draw(st.sampled_from(['""', "''"]))
        last = place == len(addresses) - 1 and draw(st.booleans())
        text += f"{draw(SPACES)}{quote[0]}{address}{quote[1]}{draw(SPACES)}{'' if last else draw(st.sampled_from(',;'))}"
    return f"{text}{draw(SPACES)}}}"


@given(tables(), ADDRESSES)
def test_whatever_the_layout_an_edit_and_its_inverse_leave_the_same_bytes(peers: str, address: str) -> None:
    old = table(peers)
    found = find(old)
    listed = address in found.addresses
    splices = remove_peer(found, address) if listed else add_peer(found, address)
    new = apply_splices(old, splices)
    left = tuple(each for each in found.addresses if each != address)
    assert (left if listed else (*left, address)) == find(new).addresses
    assert old == apply_splices(new, invert_splices(splices))
    assert diff_splices(old, splices, str)
    if not listed:
        assert old == removed(new, address)


def test_the_memory_for_a_large_file_is_a_few_times_its_size() -> None:
    text = table(f'{{"{B}"}}').replace(b"http {", b"http {" + b" server { listen 80; } # x\n" * 4_000)
    tracemalloc.start()
    new = added(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(text) + len(f', "{NEW}"') == len(new)
    assert peak < 15 * len(text)
