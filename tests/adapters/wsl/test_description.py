"""The lines from which the helper makes a container: texts without meaning, values of secrets only when they are sent."""

from ipaddress import IPv4Address

from pydantic import SecretStr

from adapters.wsl.containers import ContainerVolume, PublishedPort
from adapters.wsl.description import CreateContainer, Description, Variable
from bot.security.redaction import Redactor

SHOP = Description(
    name="shop",
    address=IPv4Address("10.87.1.20"),
    ports=(
        PublishedPort(host_port=8080, container_port=80),
        PublishedPort(host_ip="127.0.0.1", host_port=53, container_port=53),
    ),
    variables=(Variable(name="MODE", value="a; $(b)\tc"), Variable(name="DB_PASSWORD", secret_name="db_password")),
    volumes=(ContainerVolume(name="data", path="/var/lib/data"),),
    memory=2**29,
    restart_policy="always",
    command=("serve", "--all", ""),
)
CREATE = CreateContainer(operation="op-1", description=SHOP, image="a" * 64)


def reveal(name: str) -> SecretStr:
    return SecretStr(f"value of {name}")


def encode(text: str) -> str:
    return text.encode().hex().upper()


def test_every_text_is_hex_and_a_secret_is_filled_in_when_it_is_sent() -> None:
    assert CREATE.build_input(reveal).decode().splitlines() == [
        "name shop",
        f"image {'a' * 64}",
        "restart always",
        "address 10.87.1.20",
        f"memory {2**29}",
        "port - 8080 80 tcp",
        "port 127.0.0.1 53 53 tcp",
        f"volume data {encode('/var/lib/data')}",
        f"variable MODE {encode('a; $(b)' + chr(9) + 'c')}",
        f"variable DB_PASSWORD {encode('value of db_password')}",
        f"argument {encode('serve')}",
        f"argument {encode('--all')}",
        "argument -",
        "end",
    ]


def test_neither_its_command_nor_a_stored_plan_has_a_value_of_a_secret() -> None:
    assert CREATE.build_commands() == (("sudo", "-n", "/usr/local/libexec/flatnet-bot", "containers", "create", "op-1"),)
    assert not Redactor().holds_secret(CREATE.model_dump_json())
