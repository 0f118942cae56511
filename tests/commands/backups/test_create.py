"""`backup create`: what is planned for a host of each kind, and what is left out and said."""

from dataclasses import dataclass
from typing import Any

import pytest

from adapters.action import BOT_NAME, Action
from adapters.backup import MissingFile
from adapters.errors import ActionFailed, Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.nebula import NebulaFiles, ReadCertificates
from adapters.wsl.helper import HelperInfo
from commands.backups.create import BackupCreate, read_backup_task
from commands.backups.create_steps import BackupTask, build_backup_steps
from commands.backups.parts import find_source, list_parts
from commands.model.backup import BackupPart
from commands.model.operation import CannotPlan, FleetView
from commands.model.plan import PlannedChange
from commands.model.plan_digest import compute_digest
from commands.model.thresholds import Thresholds
from commands.values.arguments import Target
from commands.values.errors import GrammarError
from tests.commands import canned
from tests.commands.canned import NOW, windows
from tests.commands.canned_certs import host

OPERATION = "op-0123456789ab"
A, LIGHTHOUSE = host("host-a", 1), host("lighthouse", 0)
SILENT = Unreachable(Phrase("nothing answers"))


def managed(name: str = "host-a", number: int = 1) -> Host:
    """A host on which the helper may read what a backup holds."""
    made = host(name, number)
    assert made.wsl is not None
    return host(name, number, wsl=made.wsl.model_copy(update={"manage": ("backup",)}))


def names(task: BackupTask) -> list[str]:
    return [step.key.removeprefix(f"{task.host.name}/backup/") for step in build_backup_steps(task)]


async def plan(seen: FleetView, *parts: str, bot: bool = False) -> PlannedChange:
    asked = BackupCreate(target=Target(parts=parts), bot=bot)
    return await asked.plan(seen)


NO_FILES = NebulaFiles(
    certificate="",
    printed="",
    ca="",
    ca_printed="",
    configured_certificate="",
    configured_key="",
    configured_ca="",
    key_present=False,
    readers=(),
    key_matches=None,
    written_at=None,
    ca_written_at=None,
    running_since=None,
    ca_key=False,
    clock=NOW,
)


@dataclass(frozen=True)
class Line:
    """A side that answers each read that a backup is planned by, but for what is `said`."""

    said: object

    async def perform(self, action: Action[Any]) -> Any:
        if isinstance(self.said, Exception):
            raise self.said
        return NO_FILES if isinstance(action, ReadCertificates) else self.said or windows()

    async def aclose(self) -> None:
        pass


def see(*hosts: Host, said: Any = None) -> FleetView:
    fleet = Fleet(Inventory(hosts=hosts), lambda host, side: Line((said or {}).get((host.name, side))))
    return FleetView(fleet, lambda: NOW, Thresholds(), operation_id=OPERATION)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (
            BackupTask(managed(), OPERATION),
            "pack-nebula fetch-nebula pack-openresty fetch-openresty measure-cni fetch-cni return-cni seal return-manifest",
        ),
        (BackupTask(LIGHTHOUSE, OPERATION, (BackupPart.NEBULA,)), "pack-nebula fetch-nebula seal return-manifest"),
        (BackupTask(canned.host("host-a", 1, windows=None), OPERATION, (BackupPart.CNI,)), "measure-cni fetch-cni seal"),
        (
            BackupTask(A, OPERATION, (BackupPart.OPENRESTY,)),
            "pack-openresty fetch-openresty seal return-manifest",
        ),
    ],
)
def test_the_steps_follow_from_the_sides_and_parts_of_a_host(task: BackupTask, expected: str) -> None:
    assert expected.split() == names(task)


def test_no_step_leaves_anything_that_could_do_harm_or_has_no_way_back() -> None:
    changing = [step for step in build_backup_steps(BackupTask(managed(), OPERATION)) if step.deed.is_change]
    assert [] == [step.key for step in changing if step.undo is None or not step.undone or not step.harmless_remains]


def test_the_parts_have_their_folders_from_the_inventory() -> None:
    nebula, openresty = find_source(A, BackupPart.NEBULA), find_source(A, BackupPart.OPENRESTY)
    assert nebula is not None
    assert openresty is not None
    assert (r"F:\flatnet\config\nebula", None) == (nebula.folder, nebula.folders)
    assert (r"F:\flatnet\config", ("conf.d", "lualib")) == (openresty.folder, openresty.folders)
    assert (BackupPart.NEBULA,) == list_parts(LIGHTHOUSE)


@pytest.mark.parametrize(
    ("helper", "parts", "why"),
    [
        pytest.param(HelperInfo(version=1, areas=("backup",)), 3, "", id="allowed"),
        pytest.param(HelperInfo(version=1, areas=("containers",)), 2, "not-allowed", id="not allowed there"),
        pytest.param(SILENT, 2, "unreachable", id="silent"),
        pytest.param(ActionFailed(Phrase("no helper"), code="absent"), 2, "unreachable", id="no helper"),
    ],
)
async def test_cni_is_kept_where_the_helper_can_and_named_as_missing_elsewhere(helper: object, parts: int, why: str) -> None:
    task = await read_backup_task(managed(), see(managed(), said={("host-a", "wsl"): helper}))
    expected = (MissingFile(path="cni", why=why),) if why else ()
    assert (parts, expected) == (len(task.parts), task.missing)


async def test_without_the_area_backup_the_helper_is_not_asked() -> None:
    task = await read_backup_task(A, see(A))
    assert (MissingFile(path="cni", why="not-managed"),) == task.missing


async def test_a_host_that_is_silent_is_left_out_and_owed_nothing() -> None:
    planned = await plan(see(A, host("host-b", 2), said={("host-b", "windows"): SILENT}), "host-a", "host-b")
    assert ["host-a"] == [part.host for part in planned.plan.parts]
    assert [("host-b", False)] == [(left.host, left.owed) for left in planned.plan.left_out]
    assert {"target": {"parts": ["host-a"]}, "bot": False} == planned.arguments


async def test_the_bot_is_a_part_of_its_own() -> None:
    planned = await plan(see(A), "host-a", bot=True)
    assert ["host-a", BOT_NAME] == [part.host for part in planned.plan.parts]
    assert {"target": {"parts": ["host-a"]}, "bot": True} == planned.arguments
    alone = await plan(see(A), bot=True)
    assert ([BOT_NAME], {"target": {"parts": []}, "bot": True}) == (
        [part.host for part in alone.plan.parts],
        alone.arguments,
    )


async def test_the_plan_made_again_is_the_same_and_holds_no_time() -> None:
    first, again = await plan(see(A), "host-a"), await plan(see(A), "host-a")
    assert compute_digest(first.plan, "backup create", {}) == compute_digest(again.plan, "backup create", {})


async def test_hosts_that_are_all_silent_are_no_plan() -> None:
    with pytest.raises(CannotPlan, match="nothing answers"):
        await plan(see(A, said={("host-a", "windows"): SILENT}), "host-a")


async def test_a_host_with_a_gateway_alone_has_nothing_to_back_up() -> None:
    bare = canned.host("host-c", 3, windows=None, wsl=None)
    with pytest.raises(CannotPlan, match="nothing can be backed up there: no Windows connection configured"):
        await plan(see(bare), "host-c")


def test_it_needs_hosts_or_the_option_for_the_bot() -> None:
    with pytest.raises(GrammarError, match="backup create needs hosts, or --bot for the bot itself"):
        BackupCreate().resolve_hosts(see(A).fleet.inventory)
    assert (True, False) == (BackupCreate().incomplete, BackupCreate(bot=True).incomplete)


async def test_hosts_that_lack_a_part_for_one_reason_share_a_warning() -> None:
    planned = await plan(see(A, host("host-b", 2)), "host-a", "host-b")
    (warning,) = planned.plan.warnings
    assert str(warning).startswith("the part cni of host-a, host-b is not backed up: the configuration does not let")
