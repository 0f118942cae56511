"""The two services of a Flatnet host as Windows lists them, and an nginx that may run without a service."""

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field

from adapters.action import Answer, Effect
from adapters.inventory import WindowsSide
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.system import ServiceStatus

StartType = Literal["Automatic", "Manual", "Disabled", "Boot", "System", "Unknown"]


class Service(Value):
    """One service. `since` is when its process started (the host's clock); None if it does not run or is not reported."""

    name: str
    status: ServiceStatus
    start_type: StartType = "Unknown"
    since: AwareDatetime | None = None


class Services(Value):
    """Nebula, the gateway's service, and the number of processes called nginx.exe."""

    nebula: Service
    gateway: Service
    nginx_processes: int

    @property
    def gateway_is_bare(self) -> bool:
        """True if the gateway is an nginx.exe that no service runs."""
        return self.gateway.status == "Absent"


class _ReadBothServices(WindowsAction[Answer]):
    """Base class of reads of both services, by their names on one host."""

    script = "read-services"
    deadline = 20.0
    output_limit = 64_000

    nebula_service: str
    gateway_service: str

    @classmethod
    def of(cls, side: WindowsSide) -> Self:
        """Makes the action for one host's service names."""
        return cls(nebula_service=side.nebula_service, gateway_service=side.gateway_service)


class ReadServices(_ReadBothServices[Services]):
    """Reads both services and counts nginx processes."""


class ServiceStates(Value):
    """State and start type of both services: `Services` without what moves by itself, for checks of plans.

    `nginx` says whether an nginx.exe runs, with a service or without.
    """

    nebula: ServiceStatus
    nebula_start: StartType
    gateway: ServiceStatus
    gateway_start: StartType
    nginx: bool


class ReadServiceStates(_ReadBothServices[ServiceStates]):
    """Reads both services as `ReadServices` does."""

    def parse(self, data: Any) -> ServiceStates:
        read = Services.model_validate(data)
        return ServiceStates(
            nebula=read.nebula.status,
            nebula_start=read.nebula.start_type,
            gateway=read.gateway.status,
            gateway_start=read.gateway.start_type,
            nginx=read.nginx_processes > 0,
        )


class StartSetting(Value):
    """A service, and how it is to start with Windows."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    start_type: Literal["Automatic", "Manual", "Disabled"]


class StartTypesSet(Value):
    """The services start as wanted. `changed`: they did not before."""

    changed: bool


class SetStartTypes(WindowsAction[StartTypesSet]):
    """Sets how services start with Windows, and neither starts nor stops one. An absent one fails before any is set."""

    script = "set-start-types"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 64_000

    services: Annotated[tuple[StartSetting, ...], Field(min_length=1, max_length=2)]

    def build_arguments(self) -> dict[str, Any]:
        return self.model_dump(mode="json")
