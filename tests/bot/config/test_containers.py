"""Containers in the configuration: what can be described, and every mistake with its fix."""

from pathlib import Path

import pytest

from adapters.wsl.containers import ContainerVolume, PublishedPort
from adapters.wsl.description import Variable
from commands.values.containers import ImageName
from tests.bot.config.test_settings import GOOD, complaints, settings

DIGEST = "sha256:" + "0a" * 32
IMAGE = f'image = "docker.io/library/nginx@{DIGEST}"\n'
SHOP = f"""{GOOD}
[container_rules]
images = ["docker.io/library/*"]
keep_days = 3

[[containers]]
name = "shop"
{IMAGE}ports = ["8080:80", "127.0.0.1:5353:53/udp"]
memory = "512m"
restart = "on-failure"
command = ["serve", "--all"]
[containers.variables]
MODE = "production"
folder = "here"
DB_PASSWORD = "secret:db_password"
[containers.volumes]
data = "/var/lib/data"
"""


def test_a_container_has_everything_that_it_needs_and_only_names_of_secrets(tmp_path: Path) -> None:
    read = settings(tmp_path, SHOP)
    (shop,) = read.containers
    assert shop.image == ImageName(name="docker.io/library/nginx", digest=DIGEST)
    assert shop.ports == (
        PublishedPort(host_port=8080, container_port=80),
        PublishedPort(host_ip="127.0.0.1", host_port=5353, container_port=53, protocol="udp"),
    )
    assert shop.variables == (
        Variable(name="MODE", value="production"),
        Variable(name="folder", value="here"),
        Variable(name="DB_PASSWORD", secret_name="db_password"),
    )
    assert shop.volumes == (ContainerVolume(name="data", path="/var/lib/data"),)
    assert (shop.memory, shop.restart, shop.command) == (512 * 2**20, "on-failure", ("serve", "--all"))
    assert (read.container_rules.images, read.container_rules.keep_days) == (("docker.io/library/*",), 3)
    assert "db_password" in read.secret_names - read.own_secret_names


def test_without_any_the_rules_allow_no_other_image(tmp_path: Path) -> None:
    read = settings(tmp_path, GOOD)
    assert (read.containers, read.container_rules.images, read.container_rules.keep_days) == ((), (), 7)


ONE = f'{GOOD}\n[[containers]]\nname = "shop"\n'


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        pytest.param(ONE + 'image = "nginx:1.27"\n', "image", "must be an image with its digest", id="a tag"),
        pytest.param(ONE + 'image = "--all"\n', "image", "must be an image with its digest", id="an option"),
        pytest.param(ONE + f'image = "../x@{DIGEST}"\n', "image", "must be an image", id="a path"),
        pytest.param(ONE + f'image = "{"x/" * 150}y@{DIGEST}"\n', "image", "must be an image", id="without end"),
        pytest.param(ONE + IMAGE + 'ports = ["80"]\n', "ports", "must be ports such as", id="one port"),
        pytest.param(ONE + IMAGE + 'ports = ["0:80"]\n', "ports", "must be ports such as", id="port 0"),
        pytest.param(ONE + IMAGE + 'ports = ["80:80", "80:81"]\n', "containers", "ports 80 are used more", id="twice"),
        pytest.param(ONE + IMAGE + 'memory = "1k"\n', "memory", "must be a size", id="a unit"),
        pytest.param(ONE + IMAGE + "memory = 512\n", "memory", "must be a size", id="a number"),
        pytest.param(ONE + IMAGE + 'memory = "7m"\n', "memory", "must be at least 8m", id="too little"),
        pytest.param(ONE + IMAGE + 'command = "serve; rm"\n', "command", "must be a list of words", id="a line"),
        pytest.param(ONE + IMAGE + 'restart = "maybe"\n', "restart", "must be one of", id="a policy"),
        pytest.param(ONE + IMAGE + "privileged = true\n", "privileged", "unknown setting", id="privileged"),
        pytest.param(ONE + IMAGE + 'volumes = {"/etc" = "/etc"}\n', "volumes", "cannot be mounted", id="a mount"),
        pytest.param(ONE + IMAGE + 'volumes = {data = "data"}\n', "volumes", "must have a folder", id="no folder"),
        pytest.param(ONE + IMAGE + 'volumes = {data = "/a/../b"}\n', "volumes", "must have a folder", id="a way up"),
        pytest.param(ONE + IMAGE + 'volumes = {data = "/a:ro"}\n', "volumes", "must have a folder", id="an option in it"),
        pytest.param(ONE + IMAGE + 'variables = {"A=B" = "c"}\n', "variables", "cannot be the name", id="a name"),
        pytest.param(ONE + IMAGE + 'variables = {A = "b\\nc"}\n', "variables", "in one line", id="two lines"),
        pytest.param(ONE + IMAGE + 'variables = {A = "secret:../x"}\n', "variables", "must name its secret", id="a path"),
        pytest.param(
            ONE + IMAGE + 'variables = {DB_PASSWORD = "hunter2"}\n', "variables", "looks like a secret", id="in clear"
        ),
        pytest.param(
            ONE + IMAGE + 'variables = {KEY = "secret:audit_key"}\n', "variables", "secret of the bot itself", id="the bot's"
        ),
        pytest.param(
            ONE + IMAGE + f'[[containers]]\nname = "shop"\n{IMAGE}', "", "several containers are named shop", id="one name"
        ),
        pytest.param(GOOD + '[container_rules]\nimages = ["$(id)"]\n', "images", "must be names of images", id="a pattern"),
        pytest.param(GOOD + "[container_rules]\nkeep_days = 0\n", "keep_days", "", id="no day"),
    ],
)
def test_every_mistake_is_named_with_its_fix(tmp_path: Path, text: str, key: str, why: str) -> None:
    (complaint,) = complaints(tmp_path, text)
    assert key in complaint[0]
    assert why in complaint[2]
