"""`gateway test`: has nginx test the present configuration of every gateway. Nothing is reloaded.

hosts ─ nginx -t ─▶ ConfigurationTest ─ judge ─▶ AssessedHost ─▶ Report
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from adapters.errors import ActionFailed, HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.configuration_trial import ConfigurationTest, TestConfiguration
from commands.health.assessment import (
    Judgment,
    Remark,
    SideAnswers,
    build_findings,
    make_absent_checks,
    make_unanswered_checks,
)
from commands.health.fleet_report import AssessedHost, AssessmentRead, read_side
from commands.model.finding import Severity
from commands.model.operation import FleetView
from commands.model.report import Cell, Column, Mark
from commands.values.arguments import Flag

CELL_COLUMNS = (
    Column(key="test", heading=Phrase("Test")),
    Column(key="says", heading=Phrase("nginx reports"), detail=True),
    Column(key="place", heading=Phrase("Place"), detail=True),
)


@dataclass(frozen=True)
class TestAnswers(SideAnswers):
    """The answer of a host's test; None if it has no gateway, or no Windows connection."""

    __test__ = False  # for pytest, which takes every class called Test… for tests

    host: Host
    test: ConfigurationTest | HostError | None
    explanation: Phrase | None = None

    @property
    def answers(self) -> tuple[object, ...]:
        return (self.test,)


class GatewayTest(AssessmentRead):
    """Test the configuration of gateways with nginx -t. Nothing is changed."""

    words: ClassVar = ("gateway", "test")
    summary: ClassVar = Phrase("test the configuration of gateways (nginx -t), without a reload")
    example: ClassVar = "gateway test host-a"
    label: ClassVar = Phrase("test the gateway configuration of {target}", target="…")
    title: ClassVar = Phrase("Gateway configuration tests")
    columns: ClassVar = (Column(key="host", heading=Phrase("Host")), *CELL_COLUMNS)

    details: Annotated[bool, Flag(Phrase("also show what nginx reports"))] = False

    def make_assessor(self, view: FleetView) -> Callable[[Host], Awaitable[AssessedHost]]:
        return lambda host: _assess(host, view)

    def summarize_healthy(self, hosts: Sequence[Host]) -> Phrase:
        return Phrase(
            "nginx accepts the configuration of {n} gateway",
            plural="nginx accepts the configurations of all {n} gateways",
            n=sum(host.gateway is not None and host.windows is not None for host in hosts),
        )


async def _assess(host: Host, view: FleetView) -> AssessedHost:
    side = host.windows if host.gateway is not None else None
    action = None if side is None else TestConfiguration.of_gateway(side)
    said = await read_side(host, action, view)
    explained = action.explain_answer(said) if action is not None and isinstance(said, ConfigurationTest) else None
    looked = TestAnswers(host, said, explained)
    judged = judge_test(looked)
    return AssessedHost(
        host=host,
        judgment=judged,
        cells=tuple(judged.cells[column.key] for column in CELL_COLUMNS),
        findings=tuple(build_findings(host.name, judged.remarks, f"health {host.name} --details")),
        answers=looked,
    )


def judge_test(looked: TestAnswers) -> Judgment:
    """Judges a test. Without Nebula's address the configuration is neither good nor bad."""
    said, nothing = looked.test, Cell(text="", value="")
    keys = tuple(column.key for column in CELL_COLUMNS)
    if said is None:
        return make_absent_checks(*keys)
    if isinstance(said, ActionFailed):
        cell = Cell(text=Phrase("not tested"), value="failed", mark=Mark.UNKNOWN)
        remark = Remark("configuration", Severity.MEDIUM, Phrase("configuration not tested"), said.phrase)
        return Judgment({"test": cell, "says": nothing, "place": nothing}, (remark,))
    if isinstance(said, HostError):
        return make_unanswered_checks("windows", Phrase("Windows"), keys, said)
    says = {"says": Cell.of(said.says), "place": Cell.of(f"{said.file}:{said.line}" if said.line else "")}
    if looked.explanation is None:
        return Judgment({"test": Cell(text=Phrase("accepted"), value="good", mark=Mark.WELL), **says})
    if said.state == "unbound":
        cell = Cell(text=Phrase("Nebula has no address"), value="unbound", mark=Mark.UNKNOWN)
        short, start = Phrase("not tested: Nebula has no address"), f"service start nebula {looked.host.name}"
        remark = Remark("configuration", Severity.MEDIUM, short, looked.explanation, next=start)
        return Judgment({"test": cell, **says}, (remark,))
    cell = Cell(text=Phrase("refused", context="configuration"), value="bad", mark=Mark.BAD)
    short, again = Phrase("configuration refused by nginx"), f"gateway test {looked.host.name}"
    remark = Remark("configuration", Severity.HIGH, short, looked.explanation, next=again)
    return Judgment({"test": cell, **says}, (remark,))
