"""Check of `doctor` on the helper in WSL2, on hosts whose configuration lets the bot change something there (`manage`)."""

from dataclasses import dataclass

from adapters.errors import ActionFailed, HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.helper import HelperInfo, ReadHelper
from bot.doctor.check_result import make_problem
from commands.health.wsl_checks import find_helper_fault
from commands.model.finding import Finding, Severity
from commands.model.operation import FleetView


@dataclass(frozen=True)
class HelperCheck:
    """Version of a host's helper, None if it is not known or not wanted, and its problems."""

    version: int | None = None
    findings: tuple[Finding, ...] = ()

    def describe(self, seen: Phrase) -> Phrase:
        """Adds the version to the description of a host."""
        if self.version is None:
            return seen
        return Phrase("{seen}, helper in WSL2 version {version}", seen=seen, version=self.version)


async def check_helper(host: Host, view: FleetView) -> HelperCheck:
    """Check the helper of a managed host. If WSL2 does not answer, its own checks report that."""
    if host.wsl is None or not host.wsl.manage:
        return HelperCheck()
    said = await _read(host, view)
    if isinstance(said, HostError) and not isinstance(said, ActionFailed):
        return HelperCheck()
    fault = find_helper_fault(host, said)
    findings = () if fault is None else (make_problem(host.name, "wsl.helper", fault, Severity.MEDIUM),)
    return HelperCheck(said.version if isinstance(said, HelperInfo) else None, findings)


async def _read(host: Host, view: FleetView) -> HelperInfo | HostError:
    assert host.wsl is not None
    try:
        return await view.fleet.perform(host, ReadHelper.of(host.wsl))
    except HostError as error:
        return error
