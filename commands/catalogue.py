"""The one table of all operations: words, help, suggestions and permissions come from it."""

from commands.health import Health
from commands.hosts import HostList
from commands.operation import Operation
from commands.own import Doctor, Help, Version, WhoAmI

CATALOGUE: tuple[type[Operation], ...] = (
    Health,
    HostList,
    Help,
    WhoAmI,
    Version,
    Doctor,
)
