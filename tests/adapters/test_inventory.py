"""The inventory: hosts, their sides, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.inventory import GatewaySide, Host, Inventory, WindowsPaths, WindowsSide, WslSide

WINDOWS = {"url": "https://192.0.2.11:5986/wsman", "user": "bot", "ca_file": "ca.pem"}


def host(**changes: Any) -> Host:
    return Host.model_validate({"name": "host-a", "id": 1, "windows": WINDOWS} | changes)


def test_a_host_s_addresses_follow_from_its_id() -> None:
    """Host id N is 10.100.N.1 on the overlay and 10.87.N.0/24 for containers."""
    assert "10.100.7.1/16" == str(host(id=7).overlay)
    assert "10.87.7.1/24" == str(host(id=7).bridge)


def test_paths_follow_from_the_base_unless_they_are_given() -> None:
    """One line moves a whole install to another drive; one path can still be its own."""
    paths = WindowsPaths.model_validate({"base": r"D:\net", "nebula_log": r"E:\logs\nebula.log"})
    assert r"D:\net\config\nebula\host.crt" == paths.host_certificate
    assert r"E:\logs\nebula.log" == paths.nebula_log


def test_any_side_may_be_absent_but_not_all() -> None:
    """The lighthouse has Windows only; a host with nothing to reach is a mistake."""
    assert host().get_side("gateway") is None
    with pytest.raises(ValidationError, match="has no connection"):
        host(windows=None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"url": "http://192.0.2.11:5985/wsman"}, "does not allow http"),
        ({"url": "http://192.0.2.11:5985/wsman", "transport": "basic", "allow_http": True}, "basic over http"),
        ({"url": "http://h:5985/wsman", "transport": "certificate", "allow_http": True}, "certificate over http"),
        (
            {"url": "http://h:5985/wsman", "allow_http": True, "certificate_sha256": "ab" * 32},
            "needs https for certificate_sha256",
        ),
        ({"ca_file": None}, "needs ca_file"),
        ({"transport": "certificate"}, "certificate_file and key_file"),
        ({"user": ""}, "needs user"),
        ({"url": "https://bot:secret@h:5986/wsman"}, "without a user name"),
        ({"url": "ftp://h/"}, "must be a URL"),
        ({"url": "https://h:99999/"}, "must be a URL"),
        ({"url": "https://a b:5986/"}, "must be a URL"),
        ({"url": "https://h\n:5986/wsman"}, "must be a URL"),
        ({"url": "https://h_;x:5986/wsman"}, "must be a URL"),
        ({"url": "https://-h:5986/wsman"}, "must be a URL"),
        ({"url": "https://:secret@h:5986/wsman"}, "without a user name"),
        ({"url": "https://h:5986/wsman#part"}, "must be a URL"),
        ({"url": "https://ホスト:5986/wsman"}, "must be a URL"),
        ({"url": "https://h:5986/ws man"}, "must be a URL"),
        ({"password": "hunter2"}, "Extra inputs"),
        ({"password_secret": "../../etc/passwd"}, "pattern"),
    ],
)
def test_an_unsafe_way_into_windows_is_refused(changes: dict[str, Any], reason: str) -> None:
    """Passwords never travel unprotected, and nothing is trusted that was not named."""
    with pytest.raises(ValidationError, match=reason):
        WindowsSide.model_validate(WINDOWS | changes)


def test_ntlm_over_http_is_a_decision_of_its_own() -> None:
    """With message encryption it is safe against readers, not against a false host: so it must be asked for."""
    side = WindowsSide.model_validate(WINDOWS | {"url": "http://h:5985/wsman", "allow_http": True, "ca_file": None})
    assert "ntlm" == side.transport


@pytest.mark.parametrize("where", ["192.0.2.11", "[2001:db8::11]", "[::1]", "host-a", "Host-A.example.org", "h"])
def test_a_way_into_windows_names_an_address_or_a_host(where: str) -> None:
    assert WindowsSide.model_validate(WINDOWS | {"url": f"https://{where}:5986/wsman"})


@pytest.mark.parametrize("name", ["", "Host", "-all", "--details", "a b", "a/b", "host_a", "a" * 64, "ホスト", "a\n"])
def test_a_host_name_cannot_be_mistaken_for_something_else(name: str) -> None:
    """Not for an option, a path, a list or another line."""
    with pytest.raises(ValidationError):
        host(name=name)


@pytest.mark.parametrize("path", ["flatnet", r"\flatnet", "F:\\a\nb", 'F:\\a"b', "F:\\a|b", "/srv/flatnet"])
def test_a_windows_path_is_whole_and_harmless(path: str) -> None:
    """It becomes an argument of scripts and programs."""
    with pytest.raises(ValidationError):
        WindowsPaths.model_validate({"base": path})


def test_names_and_ids_are_unique() -> None:
    """Two hosts of one name would answer for each other."""
    with pytest.raises(ValidationError, match="several hosts are named host-a"):
        Inventory(hosts=(host(), host(id=2)))
    with pytest.raises(ValidationError, match="several hosts have the ID 1"):
        Inventory(hosts=(host(), host(name="host-b")))


def test_no_host_has_the_name_of_the_bot() -> None:
    with pytest.raises(ValidationError, match="flatnet-bot is the name of the bot itself"):
        Host.model_validate({"name": "flatnet-bot", "id": 1, "gateway": {"url": "http://10.100.1.1:8080"}})


def test_the_lighthouse_is_id_0_and_has_windows_only() -> None:
    """10.100.0.1 is its address, and it runs no gateway and no containers."""
    assert host(name="lighthouse", id=0, lighthouse=True).lighthouse
    with pytest.raises(ValidationError, match="ID 0 is reserved for the lighthouse"):
        host(id=0)
    with pytest.raises(ValidationError, match="a lighthouse has no WSL2 and no gateway"):
        host(id=0, lighthouse=True, gateway=GatewaySide(url="http://10.100.0.1:8080"))


def test_hosts_are_found_by_name_and_label() -> None:
    """In the order of the configuration."""
    side = WslSide(address="192.0.2.12", key_file=Path("k"), known_hosts_file=Path("kh"))
    inventory = Inventory(
        hosts=(host(labels=("tokyo",)), host(name="host-b", id=2, windows=None, wsl=side, labels=("tokyo",)))
    )
    assert ("host-a", "host-b") == tuple(found.name for found in inventory.find_by_label("tokyo"))
    assert inventory.find_host("host-b") is inventory.hosts[1]
    assert inventory.find_host("nope") is None
    assert ("tokyo",) == inventory.labels
