"""nginx.conf of a new host from that of a member: id, addresses, peers, and nothing else."""

import pytest

from commands.configuration.gateway_copy import list_peers, renumber_gateway
from commands.configuration.peer_table import find_peers, set_peers
from commands.configuration.splice import UnsuitableText, apply_splices
from tests.lab.windows.nginx import write_configuration

A, B, C = (f"http://10.100.{number}.1:8080" for number in (1, 2, 3))
LUA = "init_worker_by_lua_block {{ {} }}"


def copy(text: str, old: int = 1, new: int = 4, peers: tuple[str, ...] = (A, B)) -> str:
    return apply_splices(text.encode(), renumber_gateway(text.encode(), old, new, peers)).decode()


@pytest.mark.parametrize("before", [[B], [B, C], [C, B, A]])
def test_it_is_the_file_that_the_guide_has_for_that_host(before: list[str]) -> None:
    """Whatever peers the member has."""
    assert write_configuration(4, [A, B]) == copy(write_configuration(1, before))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", '{"X", "Y"}'),
        ("{ 'Z' }", '{"X", "Y"}'),
        ('{"Z", -- one\n  }', '{\n"X",\n"Y",\n  }'),
        ("{\r\n\t'Z'\r\n}", '{\r\n\t"X",\r\n\t"Y",\r\n}'),
    ],
)
def test_peers_stand_as_those_of_the_member_did(before: str, after: str) -> None:
    text, made = (write_peers(each) for each in (before.replace("Z", C), after.replace("X", A).replace("Y", B)))
    assert made.replace("host_id = 1", "host_id = 4") == copy(text)
    assert (A, B) == list_peers(made.encode())


def write_peers(table: str) -> str:
    return f"http {{\n{LUA.format(f'sync.configure({{ host_id = 1, peers = {table} }})')} }}"


OTHERS = """
    # 10.100.1.1 in a comment stays
    log_format main '$remote_addr 10.100.10.1 110.100.1.1';
    allow 10.100.0.0/16; allow 10.100.1.1; allow 10.100.11.1;
    server_name "10.100.1.1" 10.87.1.10;
"""


def test_only_addresses_of_the_member_become_those_of_the_new_host() -> None:
    """Also in texts of Lua code. Those of other hosts, and comments, stay."""
    lua = 'routing.configure({{ local_host_id = {}, subnet = "10.87.{}.0/24", own = 1 }}) -- 10.87.1.0\n'
    sync = "sync.configure({{ host_id = {}, peers = {{}} }})"
    before, after = (f"{lua.format(number, number)}{sync.format(number)}" for number in (1, 254))
    changed = OTHERS.replace("allow 10.100.1.1;", "allow 10.100.254.1;")
    changed = changed.replace('"10.100.1.1" 10.87.1.10', '"10.100.254.1" 10.87.254.10')
    made = copy(f"http {{ {OTHERS} {LUA.format(before)} }}", new=254, peers=())
    assert f"http {{ {changed} {LUA.format(after)} }}" == made


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("sync.configure({ host_id = 2, peers = {} })", "host_id is not 1 here"),
        ('sync.configure({ host_id = "1", peers = {} })', "host_id is not 1 here"),
        ("sync.configure({ host_id = 1 + 0, peers = {} })", "host_id is not 1 here"),
        ("sync.configure({ host_id = own, peers = {} })", "host_id is not 1 here"),
        ("sync.configure({ peers = {} })", "host_id not found in this file"),
        ("x = { host_id = 1 }", "not exactly one table of peers found"),
        ("sync.configure({ host_id = 1, peers = list() })", "the peers are not a table here"),
    ],
)
def test_what_is_no_plain_value_is_left_to_people(code: str, words: str) -> None:
    with pytest.raises(UnsuitableText) as caught:
        copy(f"http {{ {LUA.format(code)} }}")
    assert words == str(caught.value.why)


def test_an_address_that_would_end_its_quotes_is_no_peer() -> None:
    with pytest.raises(ValueError, match="characters"):
        copy(write_configuration(1, []), peers=('http://x"',))


@pytest.mark.parametrize("before", [(), (C,), (A,), (A, B, C)])
def test_the_peers_of_a_gateway_are_replaced_as_a_whole(before: tuple[str, ...]) -> None:
    main = r"F:\flatnet\config\nginx.conf"
    text = write_configuration(4, list(before)).encode()
    splices = set_peers(find_peers({main: text}, main), (A, B))
    assert (A, B) == list_peers(apply_splices(text, splices))
    assert () == set_peers(find_peers({main: apply_splices(text, splices)}, main), (A, B))
