"""A container that can move: it has an image of its own, a volume, a variable, a port and a health check."""

from tests.lab.wsl.container import Container, Mount
from tests.lab.wsl.state import WslState
from tests.lab.wsl.storage import Image, Volume

PASSWORD = "swordfish 7"
"""Value of its variable, which must not be seen anywhere."""

PORT = {"host_ip": "", "container_port": 80, "host_port": 8090, "range": 1, "protocol": "tcp"}


def open_shop(state: WslState, size: int, name: str = "shop") -> Container:
    """Run one with an image of so many bytes."""
    image = Image.of(f"localhost/{name}:1.4", size=size)
    shop = Container(
        name,
        image=image,
        policy="always",
        health="healthy",
        address=f"{state.address.rpartition('.')[0]}.20",
        ports=[dict(PORT)],
        mounts=[Mount(f"{name}-orders", "/data")],
        variables={"PASSWORD": PASSWORD},
        command=["serve", "--all"],
    )
    state.images.append(image)
    state.volumes[f"{name}-orders"] = Volume(f"{name}-orders", {"2026/1.json": b"{}", "log": bytes(200_000)})
    state.containers.append(shop)
    return shop
