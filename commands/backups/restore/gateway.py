"""The part openresty comes back: whole folders and files of the gateway's configuration, in a guarded change.

    present files (ListPart) ─┐
    files of the manifest ────┴─▶ GatewayRestore: what differs, what stays, the keys of the host ─▶ steps

    [fetch from the bot] ─▶ unpack, with the host's keys ─▶ nginx -t of a copy ─▶ note ─▶ begin: swap, reload or start
      ─▶ new workers, host_id and peers ─▶ keep a copy ─▶ confirm ─▶ tidy

A folder is swapped as a whole: a file that was the mistake goes with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath

from adapters.action import BOT_NAME
from adapters.inventory import Host
from adapters.local.backups import ReadBackupFile
from adapters.phrase import Listing, Phrase
from adapters.windows.backup_trial import PartTest
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange, FileSwap
from adapters.windows.configuration import HashedFile, hash_configuration
from adapters.windows.nebula import ForgetFolder
from adapters.windows.restore import PresentPartFile, StageRestore, TestRestore, locate_restored
from adapters.windows.spool import MAX_PACKED_BYTES, ReadSpoolState, RemoveSpool, WriteSpool
from commands.backups.parts import OPENRESTY_FOLDERS, STATE_PATIENCE
from commands.backups.restore.source import RestoreSource
from commands.changes.commit_confirm import (
    CommitConfirmedChange,
    build_begin_step,
    build_confirm_step,
    get_windows_side,
    locate_working_folder,
    move_gateway,
)
from commands.changes.configuration_edit import ReloadProof, build_keep_step
from commands.model.plan import Check, Part, PlannedAction, Step, TransferSource


@dataclass(frozen=True)
class Difference:
    """Difference that a restore of a part makes: files that are `changed`, come back (`added`) or go (`removed`).

    `kept` are the keys and passwords of the host that stay, `left` the present files beside the swapped folders that the
    backup does not have, `links` those in the folders, which no restore can make again.
    """

    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    left: tuple[str, ...]
    links: tuple[str, ...]

    @property
    def empty(self) -> bool:
        return not (self.changed or self.added or self.removed)

    @property
    def places(self) -> tuple[str, ...]:
        """The folders and files that are swapped: names directly in the folder of the part."""
        return tuple(sorted({name.partition("/")[0] for name in (*self.changed, *self.added, *self.removed)}))


def compare_files(kept: Mapping[str, str], present: tuple[PresentPartFile, ...]) -> Difference:
    """Compares the files of a backup, by name and hash, with the present ones. Names differ by more than case."""
    now = {each.path: each for each in present}
    folders = {name.partition("/")[0].lower() for name in kept if "/" in name}
    belongs = {name: each.sha256 for name, each in now.items() if each.why == ""}
    extra = [name for name in belongs if name not in kept]
    return Difference(
        changed=tuple(sorted(name for name in kept if name in belongs and belongs[name] != kept[name])),
        added=tuple(sorted(name for name in kept if name not in belongs)),
        removed=tuple(sorted(name for name in extra if _is_in(name, folders))),
        kept=tuple(sorted(name for name, each in now.items() if each.why in ("key", "password"))),
        left=tuple(sorted(name for name in extra if not _is_in(name, folders))),
        links=tuple(sorted(name for name, each in now.items() if each.why == "link" and _is_in(name, folders))),
    )


def _is_in(name: str, folders: set[str]) -> bool:
    return "/" in name and name.partition("/")[0].lower() in folders


@dataclass(frozen=True)
class GatewayRestore:
    """A restore of a gateway's configuration. `files` are those that nginx reads after it.

    `peers` are those that it names then, `peers_before` the present ones; None: unknown. `running`: nginx runs now.
    """

    source: RestoreSource
    operation: str
    difference: Difference
    files: tuple[HashedFile, ...]
    peers: tuple[str, ...] | None
    peers_before: tuple[str, ...] | None
    running: bool

    @property
    def host(self) -> Host:
        return self.source.host

    @property
    def base(self) -> str:
        """The folder of nginx.conf."""
        return str(PureWindowsPath(get_windows_side(self.host).paths.gateway_config).parent)

    @property
    def folder(self) -> str:
        """The operation's working folder on the host."""
        return locate_working_folder(self.host, self.operation)

    @property
    def archive_folder(self) -> str:
        """The folder with the archive: the first place, or the working folder into which it is transferred."""
        return self.source.first_place if self.source.whole_at_first else self.folder

    def make_key(self, name: str) -> str:
        """Makes the key of a step."""
        return f"{self.host.name}/{name}"


def build_gateway_part(restore: GatewayRestore) -> Part:
    """Builds the part of the host."""
    host, proof = restore.host, ReloadProof(restore.host, restore.peers)
    steps = (
        *_build_fetch_steps(restore),
        _build_unpack_step(restore),
        _build_test_step(restore),
        proof.build_note_step(),
        build_begin_step(_build_change(restore)),
        *proof.build_proof_steps(),
        build_keep_step(host, restore.base, hash_configuration(restore.files, restore.base), restore.files),
        build_confirm_step(host, restore.operation),
        Step(
            key=restore.make_key("tidy"),
            host=host.name,
            deed=PlannedAction.of(ForgetFolder(folder=restore.folder)),
            phrase=Phrase("remove the working folder"),
        ),
    )
    return Part(host=host.name, steps=steps)


def _build_fetch_steps(restore: GatewayRestore) -> Iterator[Step]:
    """Builds the transfer from the bot, if the host's own copy is not whole."""
    if restore.source.whole_at_first:
        return
    part, here = restore.source.part, {"folder": restore.folder, "name": restore.source.part.file}
    sink = WriteSpool(**here, size=part.size, sha256=part.sha256, limit=MAX_PACKED_BYTES)
    read, state = ReadBackupFile(backup=restore.source.backup.id, name=part.file), ReadSpoolState(**here, sha256=part.sha256)
    host = restore.host.name
    yield Step(
        key=restore.make_key("return"),
        host=host,
        deed=PlannedAction.of(sink),
        source=TransferSource(host=BOT_NAME, deed=PlannedAction.of(read)),
        phrase=Phrase("transfer the backup to {host}", host=host),
        verify=Check(host=host, deed=PlannedAction.of(state), expect={"whole": True}, patience=STATE_PATIENCE),
        undo=PlannedAction.of(RemoveSpool(**here)),
        undo_phrase=Phrase("remove the copy"),
        undone=(Check(host=host, deed=PlannedAction.of(state), expect={"received": 0}, patience=STATE_PATIENCE),),
    )


def _build_unpack_step(restore: GatewayRestore) -> Step:
    part, difference = restore.source.part, restore.difference
    stage = StageRestore(
        folder=restore.folder,
        archive_folder=restore.archive_folder,
        name=part.file,
        sha256=part.sha256,
        base=restore.base,
        keep=tuple(name for name in difference.kept if "/" in name),
    )
    return Step(
        key=restore.make_key("unpack"),
        host=restore.host.name,
        deed=PlannedAction.of(stage),
        phrase=Phrase("unpack the backup beside the present files, with the keys of this host (nothing active is touched)"),
        undo=PlannedAction.of(ForgetFolder(folder=restore.folder)),
        undo_phrase=Phrase("remove the unpacked files"),
    )


def _build_test_step(restore: GatewayRestore) -> Step:
    paths, part = get_windows_side(restore.host).paths, restore.source.part
    test = PartTest(
        part="openresty",
        file=part.file,
        sha256=part.sha256,
        program="nginx",
        exe=paths.gateway_exe,
        base=restore.base,
        main=PureWindowsPath(paths.gateway_config).name,
        prefix=paths.gateway_folder,
        folders=OPENRESTY_FOLDERS,
        keep=restore.difference.kept,
    )
    scratch = str(PureWindowsPath(restore.folder) / "trial")
    return Step(
        key=restore.make_key("test"),
        host=restore.host.name,
        deed=PlannedAction.of(TestRestore(archive_folder=restore.archive_folder, scratch=scratch, test=test)),
        phrase=Phrase("test the files of the backup with {program}", program="nginx -t"),
        expect={"state": "good"},
    )


def _build_change(restore: GatewayRestore) -> CommitConfirmedChange:
    host = restore.host
    change = BeginChange(
        operation=restore.operation,
        swaps=tuple(_list_swaps(restore)),
        services=(move_gateway(get_windows_side(host), "reload" if restore.running else "start"),),
    )
    phrase = Phrase(
        "swap {places} as a whole and reload nginx ({host} reverts automatically unless confirmed within {window} s)",
        places=Listing(tuple(restore.difference.places)),
        host=host.name,
        window=CONFIRM_WINDOW,
    )
    undo = Phrase("restore the files from before")
    back = ReloadProof(host, restore.peers_before).build_return_check()
    return CommitConfirmedChange(host, change, phrase, undo, (back,) if restore.running else ())


def _list_swaps(restore: GatewayRestore) -> Iterator[FileSwap]:
    base = PureWindowsPath(restore.base)
    folders = {name.partition("/")[0] for name in (file.path for file in restore.source.part.files) if "/" in name}
    for place in restore.difference.places:
        source = locate_restored(restore.folder, place)
        yield FileSwap(source=source, target=str(base / place), kind="folder" if place in folders else "file")
