"""Containers that the WSL2 helper makes, describes, copies and removes, with the real podman, as the bot's user calls it."""

import io
import json
import tarfile
from collections.abc import Iterator
from ipaddress import IPv4Address

import asyncssh
import pytest
from pydantic import SecretStr

from adapters.wsl.containers import ContainerVolume, ListedContainer, PublishedPort, parse_containers
from adapters.wsl.description import Description, Variable
from tests.fleet.containers import FOREIGN, IMAGE
from tests.fleet.distribution import Distribution
from tests.fleet.helper_over_ssh import call, read

SECRET = "correct horse\tbattery \"$(id)\" 'staple' #\\"

MOVABLE = (
    "--hostname=hh",
    "--restart=on-failure:3",
    "--memory=64m",
    "--cpus=0.5",
    "--cpu-shares=512",
    "--read-only",
    "--user=1:2",
    "--workdir=/w",
    "--label=a.b=c = d",
    "--label=empty=",
    "--stop-timeout=3",
    "--stop-signal=INT",
    "--shm-size=1m",
    "--tty",
    "--interactive",
    "--publish=127.0.0.1:8080:80",
    "--publish=53:53/udp",
    "--env=SECRET",
    "--env=EMPTY=",
    "--volume=kept:/data",
    "--volume=kept:/look:ro",
    "--volume=/new",
    '--health-cmd=["/bin/true", "x y"]',
    "--health-interval=5s",
    "--health-retries=2",
    "--ulimit=nofile=100:200",
)
"""Every setting that a container can take along, as podman's options."""

WORDS = ("sh", "-c", "echo '--privileged'\n# two lines", "--", "", "$(id)")
"""A command with what would have a meaning in a shell, to podman, or in a line."""

OBSTACLES = {
    "privileged": ("--privileged",),
    "bind mount /host": ("--volume=/etc:/host",),
    "tmpfs mount /memory": ("--tmpfs=/memory",),
    "capability CAP_NET_ADMIN": ("--cap-add=NET_ADMIN",),
    "dropped capability CAP_CHOWN": ("--cap-drop=CHOWN",),
    "security option no-new-privileges": ("--security-opt=no-new-privileges",),
    "option --device": ("--device=/dev/null:/dev/x",),
    "network other": ("--network=other",),
    "network alias door": ("--network-alias=door",),
    "IPC namespace host": ("--ipc=host",),
    "PID namespace host": ("--pid=host",),
    "UTS namespace host": ("--uts=host",),
    "DNS settings": ("--dns=192.0.2.1",),
    "additional hosts": ("--add-host=x:192.0.2.1",),
    "other limits": ("--memory-reservation=32m",),
    "umask": ("--umask=0077",),
    "removed when it ends": ("--rm",),
    "systemd unit": ("--label=PODMAN_SYSTEMD_UNIT=web.service",),
    "option --health-on-failure": ("--health-cmd=true", "--health-on-failure=kill"),
    "variable LINES": ("--env=LINES=a\nprivileged",),
    'bind mount /h"],"x': ('--volume=/etc:/h"],"x',),
    "label": ("--label=two\nlines=x",),
}
"""What keeps a container where it is, and the options that make one. The last ones try to end a text or a line."""


@pytest.fixture
def host(managed: Distribution) -> Iterator[Distribution]:
    """The WSL2 side. Containers and volumes that a test makes are removed."""
    known = set(managed.sh("podman ps -aq").split())
    yield managed
    made = set(managed.sh("podman ps -aq").split()) - known
    if made:
        managed.sh(f"podman rm --force --time=0 --volumes {' '.join(made)}")
    managed.sh("podman volume prune --force; podman network rm --force other")


def make(host: Distribution, *options: str, words: tuple[str, ...] = ("sleep", "1000"), secret: str = "") -> str:
    """Makes a container on Flatnet's network, and returns its ID."""
    command = ("podman", "create", "--pull=never", "--network=flatnet", *options, IMAGE, *words)
    return host.space.run("env", f"SECRET={secret}", *command).strip()


def inspect(host: Distribution, name: str, format_: str) -> str:
    return host.space.run("podman", "inspect", "--type=container", f"--format={format_}", name).strip()


async def show(login: asyncssh.SSHClientConnection, key: str) -> ListedContainer | None:
    """Returns what the bot reads of one container."""
    code, output, error = await call(login, f"containers show {key}")
    assert (0, "") == (code, error)
    return next(iter(parse_containers(output.decode())), None)


def find_image(host: Distribution) -> str:
    return host.sh(f"podman image inspect --format '{{{{.Id}}}}' {IMAGE}").strip()


async def test_a_copy_has_every_setting_of_the_original(host: Distribution, login: asyncssh.SSHClientConnection) -> None:
    """It is described in the same lines, but for its name. Values of variables are in no argument that podman keeps."""
    original, image = make(host, "--name=first", *MOVABLE, words=WORDS, secret=SECRET), find_image(host)
    code, description, error = await call(login, f"containers describe {original}")
    assert (0, True) == (code, SECRET.encode().hex().upper().encode() in description)
    host.sh(f"podman rm {original}; podman volume rm kept")  # which would not be given to a copy
    copied, nothing, counted = await call(login, f"containers copy op-1 second {image} 10.87.1.99", description)
    assert (0, b"", error.splitlines()[-1]) == (copied, nothing, counted.splitlines()[-1])
    second = await show(login, "second")
    assert second is not None
    _, again, _ = await call(login, f"containers describe {second.id}")
    assert again == description.replace(b"\nname first\n", b"\nname second\n")
    assert "10.87.1.99" in inspect(host, "second", "{{json .Config.CreateCommand}}")
    assert "horse" not in inspect(host, "second", "{{json .Config.CreateCommand}}")
    assert f"SECRET={SECRET}" in json.loads(inspect(host, "second", "{{json .Config.Env}}"))
    assert [*WORDS[1:]] == json.loads(inspect(host, "second", "{{json .Args}}"))


async def test_what_is_listed_of_a_container(host: Distribution, login: asyncssh.SSHClientConnection) -> None:
    make(host, "--name=first", "--ip=10.87.1.77", *MOVABLE, secret=SECRET)
    first = await show(login, "first")
    assert first is not None
    anonymous = next(each.name for each in first.volumes if each.anonymous)
    kept = ContainerVolume(name="kept", path="/data"), ContainerVolume(name="kept", path="/look")
    assert {
        "restart_policy": "on-failure:3",
        "memory": 64 * 1024**2,
        "pinned_address": True,
        "ports": {
            PublishedPort(host_port=53, container_port=53, protocol="udp"),
            PublishedPort(host_ip="127.0.0.1", host_port=8080, container_port=80),
        },
        "volumes": {*kept, ContainerVolume(name=anonymous, path="/new", anonymous=True)},
        "variables": {"PATH", "TERM", "SECRET", "EMPTY"},
        "obstacles": (),
    } == {
        "restart_policy": first.restart_policy,
        "memory": first.memory,
        "pinned_address": first.pinned_address,
        "ports": set(first.ports),
        "volumes": set(first.volumes),
        "variables": set(first.variables),
        "obstacles": first.obstacles,
    }


async def test_settings_are_known_by_a_hash_that_changes_with_them(
    host: Distribution, login: asyncssh.SSHClientConnection
) -> None:
    """Of a key that only root can read. It does not move with time, and another value is another hash."""
    seen = []
    for value in ("a", "a", "b"):
        host.sh("podman rm --ignore first")
        make(host, "--name=first", f"--env=VALUE={value}")
        seen.append(await show(login, "first"))
    first, same, other = (each.settings for each in seen if each is not None)
    assert (64, first, False) == (len(first), same, first == other)
    assert "600 root" == host.sh("stat --format='%a %U' /var/lib/flatnet-bot/settings-key").strip()


async def test_what_no_description_can_hold_is_named(host: Distribution, login: asyncssh.SSHClientConnection) -> None:
    """Such a container has no hash of its settings, and is not described."""
    host.sh("podman network create other")
    for number, options in enumerate(OBSTACLES.values()):
        make(host, f"--name=held-{number}", *options)
    listed = {each["name"]: each for each in await read(login, "containers list")}
    found = {f"held-{number}": listed[f"held-{number}"]["obstacles"] for number in range(len(OBSTACLES))}
    assert {f"held-{number}": [obstacle] for number, obstacle in enumerate(OBSTACLES)} == {
        name: [each for each in obstacles if each in OBSTACLES] for name, obstacles in found.items()
    }
    assert {""} == {listed[name]["settings"] for name in found}
    words = "flatnet-bot: it has settings that no description can hold\n"
    assert (6, b"", words) == await call(login, f"containers describe {listed['held-0']['id']}")


async def test_a_container_of_the_configuration_is_made_and_runs(
    host: Distribution, login: asyncssh.SSHClientConnection
) -> None:
    description = Description(
        name="fresh", image=find_image(host), address=IPv4Address("10.87.1.99"),
        restart_policy="unless-stopped", ports=(PublishedPort(host_port=8081, container_port=80),),
        variables=(Variable(name="PASSWORD", secret_name="fresh_password"), Variable(name="EMPTY")),
        volumes=(ContainerVolume(name="data", path="/data"),),
        command=("sh", "-c", 'printf %s "$PASSWORD" >/data/password; exec sleep 1000'),
    )  # fmt: skip
    lines = description.build_lines(lambda _: SecretStr(SECRET))
    code, output, error = await call(login, "containers create op-1", lines)
    assert (0, "") == (code, error)
    (made,) = parse_containers(output.decode())
    started = (await read(login, f"containers start {made.id}"))[0]
    assert ("created", "running", "10.87.1.99") == (made.state, started["state"], started["address"])
    assert SECRET == host.space.run("podman", "exec", "fresh", "cat", "/data/password")
    assert "horse" not in inspect(host, "fresh", "{{json .Config.CreateCommand}}")
    assert "op-1" == inspect(host, "fresh", '{{index .Config.Labels "flatnet-bot.operation"}}')


HEX = {text: text.encode().hex().upper() for text in ("/d", "/d:rw,dev", "/d/../etc", "/proc/sys", "x", "op-2")}
HEX["two lines"] = b"a\nb".hex().upper()

REFUSED = {
    "a mount of the host": (f"volume /etc {HEX['/d']}", "a description cannot have this: volume"),
    "options of a mount": (f"volume data {HEX['/d:rw,dev']}", "a description cannot have this: volume"),
    "a place above": (f"volume data {HEX['/d/../etc']}", "no volume can be mounted at /d/../etc"),
    "the kernel's files": (f"volume data {HEX['/proc/sys']}", "no volume can be mounted at /proc/sys"),
    "an unknown word": ("privileged", "a description cannot have this: privileged"),
    "an option as a word": ("--privileged", "a description cannot have this: --privileged"),
    "another network": ("network host", "a description cannot have this: network"),
    "a capability": ("cap-add SYS_ADMIN", "a description cannot have this: cap-add"),
    "a value that is no hex": ("variable X $(id)", "a description cannot have this: variable"),
    "a line break in a variable": (f"variable X {HEX['two lines']}", "a description cannot have this: variable"),
    "a name of a variable": (f"variable X=1 {HEX['x']}", "a description cannot have this: variable"),
    "an option as a name": ("hostname --privileged", "a description cannot have this: hostname"),
    "two names": ("name other", "the description has more than one line of: name"),
    "an address of another host": ("address 10.87.2.9", "10.87.2.9 is no address for a container of this host"),
    "an address of the bridge": ("address 10.87.1.1", "10.87.1.1 is no address for a container of this host"),
    "the mark of another operation": (
        f"label {b'flatnet-bot.operation'.hex().upper()} {HEX['op-2']}",
        "no description may have the label flatnet-bot.operation",
    ),
    "a volume that is a folder of the host": (
        f"volume etc {HEX['/d']}",
        "the volume has a driver, mount options or a place of its own",
    ),
    "a volume of others": (
        f"volume theirs {HEX['/d']}",
        "a container that is not on the network flatnet uses the volume theirs",
    ),
    "no end": (f"argument {HEX['x']}\n", "the description does not end"),
    "a text that cannot be one": (f"argument {HEX['x']}\0", "a description cannot have this: argument"),
}
"""Lines that a description must not have, and what is answered."""


async def test_a_description_can_ask_for_nothing_but_a_container_of_flatnet(
    host: Distribution, login: asyncssh.SSHClientConnection
) -> None:
    host.sh(
        "podman volume create --opt=type=none --opt=o=bind --opt=device=/etc etc; "
        f"podman create --pull=never --name=stranger --volume=theirs:/d {IMAGE} sleep 1000"
    )
    before, begin = host.sh("podman ps -aq"), f"name evil\nimage {find_image(host)}\nrestart no\n"
    answers = {}
    for what, (line, _) in REFUSED.items():
        end = "" if what == "no end" else "\nend\n"
        answers[what] = await call(login, "containers create op-1", f"{begin}{line}{end}".encode())
    assert {what: (6, b"", f"flatnet-bot: {words}\n") for what, (_, words) in REFUSED.items()} == answers
    assert before == host.sh("podman ps -aq")
    words = "flatnet-bot: a container that is not on the network flatnet uses the volume theirs\n"
    assert (6, b"", words) == await call(login, "volumes export theirs")


async def test_a_copy_gets_no_files_that_are_on_its_host_but_those_of_its_operation(
    host: Distribution, login: asyncssh.SSHClientConnection
) -> None:
    """The host that it comes from writes its description, and could name any volume."""
    host.sh("podman volume create --label=flatnet-bot.operation=op-1 moved")
    host.sh("podman volume create empty; podman volume create full")
    make(host, "--name=first", "--volume=used:/data")
    host.sh("touch $(podman volume inspect --format '{{.Mountpoint}}' moved full | sed 's|$|/file|')")
    image, answers = find_image(host), {}
    for name in ("used", "full", "moved", "empty", "new"):
        lines = f"name x\nimage {image}\nrestart no\nvolume {name} {HEX['/d']}\nend\n".encode()
        code, _, said = await call(login, f"containers copy op-1 second-{name} {image} -", lines)
        answers[name] = code or said[:8], said if code else ""
    refused = {name: (6, f"flatnet-bot: there is a volume with the name {name}\n") for name in ("used", "full")}
    assert refused | dict.fromkeys(("moved", "empty", "new"), ('{"size":', "")) == answers


@pytest.mark.parametrize("target", ["/etc", "../../../../../../../etc", "end"])
async def test_a_volume_that_would_be_a_link_to_a_folder_of_the_host_is_not_taken(
    target: str, host: Distribution, login: asyncssh.SSHClientConnection
) -> None:
    """A container with such a volume would have the folder that the link leads to."""
    code, output, error = await call(login, "volumes import linked op-1", pack_link(target))
    assert (6, b"", "flatnet-bot: what came is no volume") == (code, output, error.splitlines()[-1])
    assert "linked" not in host.sh("podman volume ls --quiet")


def pack_link(target: str) -> bytes:
    """Packs a volume whose folder is a link, with the file that ends a volume."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        link, end = tarfile.TarInfo("_data"), tarfile.TarInfo("end")
        link.type, link.linkname = tarfile.SYMTYPE, target
        archive.addfile(link)
        archive.addfile(end)
    return buffer.getvalue()


async def test_what_is_taken_or_not_there_is_named(host: Distribution, login: asyncssh.SSHClientConnection) -> None:
    image, rest = find_image(host), "restart no\nend\n"
    for begin, words in (
        (f"name web\nimage {image}\n{rest}", "there is a container with the name web"),
        (f"name {FOREIGN}\nimage {image}\n{rest}", f"there is a container with the name {FOREIGN}"),
        (f"name fresh\nimage {'0' * 64}\n{rest}", "the image is not on this host"),
        (f"name fresh\n{rest}", "the description lacks: image"),
        ("argument -\n" * 100_000, "the description has more than 1 MB"),
    ):
        assert (6, b"", f"flatnet-bot: {words}\n") == await call(login, "containers create op-1", begin.encode())


async def test_only_the_operation_that_made_a_container_takes_it_back(
    host: Distribution, login: asyncssh.SSHClientConnection
) -> None:
    """Also while it runs. One of the same name that others made stays, and so does one of another network."""
    words = f"stop-signal SIGKILL\nargument {b'sleep'.hex().upper()}\nargument 39\nend\n"
    given = f"name fresh\nimage {find_image(host)}\nrestart always\n{words}"
    assert 0 == (await call(login, "containers create op-1", given.encode()))[0]
    host.sh("podman start fresh")
    (other,) = await read(login, "containers unmake fresh op-2")
    assert ("fresh", "running") == (other["name"], other["state"])
    assert [] == await read(login, "containers unmake fresh op-1")
    assert [] == await read(login, "containers unmake fresh op-1")
    assert ["web"] == [each["name"] for each in await read(login, "containers unmake web op-1")]
    assert [] == await read(login, f"containers unmake {FOREIGN} op-1")
    assert "running" == inspect(host, FOREIGN, "{{.State.Status}}")


async def test_one_that_does_not_run_is_removed_and_its_volumes_stay(
    host: Distribution, login: asyncssh.SSHClientConnection
) -> None:
    made = make(host, "--name=first", "--volume=kept:/data", "--volume=/new")
    volumes = host.sh("podman volume ls --quiet")
    host.sh("podman start first")
    assert (6, b"", "flatnet-bot: it runs. Stop it first\n") == await call(login, f"containers remove {made}")
    host.sh("podman pause first")
    assert (6, b"", "flatnet-bot: it runs. Stop it first\n") == await call(login, f"containers remove {made}")
    host.sh("podman unpause first; podman kill first")
    assert [(0, b"", ""), (0, b"", "")] == [await call(login, f"containers remove {made}") for _ in range(2)]
    assert (None, volumes) == (await show(login, "first"), host.sh("podman volume ls --quiet"))


async def test_the_restart_policy_is_set_by_itself(host: Distribution, login: asyncssh.SSHClientConnection) -> None:
    made = make(host, "--name=first", "--memory=64m")
    seen = [(await read(login, f"containers policy {made} {each}"))[0] for each in ("on-failure:2", "always", "no", "no")]
    assert ["on-failure:2", "always", "no", "no"] == [each["restart_policy"] for each in seen]
    assert {64 * 1024**2} == {each["memory"] for each in seen}


async def test_what_a_container_changed_outside_of_its_volumes_is_counted(
    host: Distribution, login: asyncssh.SSHClientConnection
) -> None:
    write = "while ! echo x >/deep; do :; done; echo x >/data/x; exec sleep 1000"
    made = make(host, "--volume=kept:/data/below", words=("sleep", "1000"))
    changed = make(host, "--volume=kept:/data", words=("sh", "-c", write))
    host.sh(f"podman start {made} {changed}; until podman exec {changed} cat /data/x; do :; done")
    assert [[{"files": 0}], [{"files": 1}]] == [await read(login, f"containers diff {each}") for each in (made, changed)]


async def test_a_look_alike_or_an_unknown_key_finds_nothing(login: asyncssh.SSHClientConnection, host: Distribution) -> None:
    """A key is a whole name or a whole ID, never a part or a pattern. A name that is the ID of another finds the other."""
    web = inspect(host, "web", "{{.Id}}")
    make(host, f"--name={web[:63]}")
    keys = ("we", "w.b", "WEB", web[:12], FOREIGN, "nope")
    assert {None} == {await show(login, key) for key in keys}
    found = [await show(login, key) for key in ("web", web)]
    assert ["web", "web"] == [each.name for each in found if each is not None]
