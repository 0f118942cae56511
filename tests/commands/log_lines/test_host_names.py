"""Hosts by their names: only where the inventory knows whose address it is."""

import pytest

from adapters.inventory import GatewaySide, Host, Inventory
from commands.log_lines.redaction import map_host_names, name_hosts

NAMES = {"10.100.2.1": "host-b", "192.0.2.12": "host-b", "10.100.0.1": "lighthouse"}


def host_at(name: str, number: int, address: str) -> Host:
    """A host whose gateway is reached at this address."""
    return Host(name=name, id=number, gateway=GatewaySide(url=f"http://{address}:8080"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("to 10.100.2.1", "to host-b"),
        ("http://10.100.2.1:8080/orders/", "http://host-b:8080/orders/"),
        ("[192.0.2.12:4242]", "[host-b:4242]"),
        ("10.100.2.1, 10.100.0.1.", "host-b, lighthouse."),
        ("ホスト10.100.2.1です", "ホストhost-bです"),
        ("10.100.2.10", "10.100.2.10"),
        ("110.100.2.1", "110.100.2.1"),
        ("1.10.100.2.1", "1.10.100.2.1"),
        ("10.100.2.1.5", "10.100.2.1.5"),
        ("10.100.2.1/16", "10.100.2.1/16"),
        ("v10.100.2.1", "v10.100.2.1"),
        ("10.100.002.001", "10.100.002.001"),
        ("10.87.2.10", "10.87.2.10"),
    ],
)
def test_an_address_becomes_a_name_where_it_is_that_address_and_nothing_else(text: str, said: str) -> None:
    assert said == name_hosts(text, NAMES)


def test_without_names_a_text_stays() -> None:
    assert "10.100.2.1" == name_hosts("10.100.2.1", {})


def test_a_host_has_its_addresses_on_the_overlay_of_its_bridge_and_in_its_configuration() -> None:
    known = map_host_names(Inventory(hosts=(host_at("host-b", 2, "192.0.2.12"),)))
    assert {"10.100.2.1": "host-b", "10.87.2.1": "host-b", "192.0.2.12": "host-b"} == known


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "gateway.example", "[fd00::1]"])
def test_an_address_that_is_not_of_one_machine_names_none(address: str) -> None:
    known = map_host_names(Inventory(hosts=(host_at("host-b", 2, address),)))
    assert {"10.100.2.1", "10.87.2.1"} == set(known)


def test_an_address_of_two_hosts_is_of_neither() -> None:
    both = Inventory(hosts=(host_at("host-a", 1, "192.0.2.7"), host_at("host-b", 2, "192.0.2.7")))
    assert "192.0.2.7" not in map_host_names(both)
