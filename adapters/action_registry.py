"""Registry of storable actions: every kind that a plan may hold, written as JSON and read back."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError

from adapters.action import Action, Effect
from adapters.gateway import api, containers, escalation, reload, serving
from adapters.gateway.action import GatewayAction
from adapters.local import backups, host_files, key_backups, members, owed, spool
from adapters.local import changes as own_changes
from adapters.local.action import LocalAction
from adapters.windows import (
    authority,
    blocklist,
    configuration,
    configuration_trial,
    good_configuration,
    key_backup,
    key_files,
    nebula,
    new_host,
    nginx,
    nginx_reload,
    refusals,
    rehearsal,
    routes,
    services,
    trust,
)
from adapters.windows import backups as windows_backups
from adapters.windows import commit_confirm as change
from adapters.windows import restore as windows_restore
from adapters.windows import spool as windows_spool
from adapters.windows.action import WindowsAction
from adapters.windows.powershell import build_command_line, build_guard_options, build_resident_line
from adapters.wsl import container_reads, description, forwarding, helper, images, ipam, network, restore, system, volumes
from adapters.wsl import containers as podman_containers
from adapters.wsl import system as wsl_system
from adapters.wsl.action import WslAction

ACTIONS: tuple[type[Action[Any]], ...] = (
    api.ReadSystem,
    reload.ProveSync,
    containers.FindContainer,
    containers.ForgetContainer,
    containers.PullContainers,
    serving.FindServing,
    escalation.ReadEscalation,
    escalation.ResetEscalation,
    change.BeginChange,
    change.ReadChange,
    change.ConfirmChange,
    change.AbortChange,
    rehearsal.MakeScratch,
    rehearsal.ReadRehearsal,
    configuration.ReadConfiguration,
    configuration.ListConfiguration,
    configuration.StageEdit,
    configuration_trial.TestConfiguration,
    good_configuration.ReadGood,
    good_configuration.KeepGood,
    good_configuration.StageGood,
    nginx.ReadNginx,
    nginx_reload.FindReload,
    nebula.ReadCertificates,
    nebula.MakeKeyPair,
    nebula.SignCertificate,
    nebula.StageCertificate,
    nebula.ForgetFolder,
    nebula.NotePosition,
    nebula.FindHandshake,
    nebula.ReachAddress,
    new_host.ReadNewHost,
    new_host.StageFile,
    key_files.WipeKeys,
    key_files.ReadKeyRemains,
    refusals.FindRefusals,
    blocklist.FindBlocklist,
    trust.ReadTrust,
    authority.MakeAuthority,
    authority.SignCanary,
    authority.InstallAuthority,
    authority.WipeAuthority,
    services.ReadServices,
    services.ReadServiceStates,
    services.SetStartTypes,
    owed.ReadOwed,
    owed.GiveUpOwed,
    routes.ReadRoutes,
    routes.SetRoutes,
    forwarding.ReadForwarding,
    helper.ReadForwardingStatus,
    wsl_system.ReadSystem,
    network.CreateNetwork,
    network.ReadNetwork,
    network.RemoveNetwork,
    system.ReadSystem,
    helper.ApplyForwarding,
    helper.ReadBackup,
    helper.MeasureBackup,
    restore.StageKept,
    restore.ReadStagedKept,
    restore.ForgetKept,
    restore.CheckKept,
    restore.PutKept,
    restore.ReturnKept,
    podman_containers.ReadContainerState,
    podman_containers.MoveContainer,
    container_reads.ReadRestart,
    description.CreateContainer,
    podman_containers.RemoveContainer,
    podman_containers.RemoveMadeContainer,
    podman_containers.SetRestartPolicy,
    podman_containers.DescribeContainer,
    podman_containers.CopyContainer,
    images.ReadImage,
    images.PullImage,
    images.FindImage,
    images.RemoveImage,
    images.SaveImage,
    images.LoadImage,
    volumes.MeasureVolume,
    volumes.RemoveMadeVolume,
    volumes.ExportVolume,
    volumes.ImportVolume,
    ipam.LookForOrphans,
    ipam.RemoveOrphans,
    ipam.CheckOrphans,
    host_files.ReadHostFile,
    host_files.WriteHostFile,
    host_files.RemoveHostFile,
    host_files.RestoreHostFile,
    members.AnnounceMember,
    own_changes.ReadOutcome,
    own_changes.ConfirmSuccess,
    spool.ReadSpool,
    spool.ReadSpoolState,
    spool.WriteSpool,
    spool.RemoveSpool,
    windows_restore.StageRestore,
    windows_restore.TestRestore,
    windows_spool.PackFolder,
    windows_spool.ReadSpool,
    windows_spool.ReadSpoolState,
    windows_spool.WriteSpool,
    windows_spool.RemoveSpool,
    key_backup.ProtectKey,
    key_backup.ReadKeyCopy,
    key_backup.ReadKeyFile,
    key_backup.RemoveKeyCopy,
    key_backups.WriteKeyFile,
    key_backups.ReadStoredKey,
    key_backups.RemoveStoredKey,
    windows_backups.PackBackup,
    windows_backups.ReadFirstPlace,
    windows_backups.RemoveFirstPlace,
    backups.ReadBackupFile,
    backups.ReadBackupFileState,
    backups.WriteBackupFile,
    backups.RemoveBackupFile,
    backups.SealBackup,
    backups.PackDatabase,
    backups.ReadBackupPresence,
    backups.RemoveBackup,
)
"""All actions that plans are made of. A kind is never renamed, because stored plans name it."""


def get_kind(action: Action[Any] | type[Action[Any]]) -> str:
    """Returns the name under which an action is stored: `windows.BeginChange`."""
    action_class = action if isinstance(action, type) else type(action)
    return f"{action_class.side}.{action_class.__name__}"


_BY_KIND: Mapping[str, type[Action[Any]]] = {get_kind(action): action for action in ACTIONS}


def find_action_class(name: str) -> type[Action[Any]]:
    """Returns the class stored under a name. Raises `ValueError` if this version has none."""
    try:
        return _BY_KIND[name]
    except KeyError as error:
        raise ValueError(f"no action is called {name}") from error


def parse_action(name: str, arguments: Mapping[str, Any]) -> Action[Any]:
    """Parses an action from its stored form. Raises `ValueError` if this version does not know it."""
    try:
        return find_action_class(name).model_validate_json(json.dumps(arguments))
    except ValidationError as error:
        raise ValueError(f"not an action {name}: {error.error_count()} arguments do not fit") from error


@cache
def hash_script(name: str) -> str:
    """Returns the SHA-256 of the code that runs on the host for this kind of action; "" if no code of the bot runs there."""
    action = find_action_class(name)
    if not issubclass(action, WindowsAction):
        return ""
    code = [
        build_command_line(),
        *([build_resident_line()] if action.effect is Effect.READ else []),
        action.load_script(),
        *([build_guard_options()] if action is change.BeginChange else []),
    ]
    return hashlib.sha256("\n".join(code).encode()).hexdigest()


def describe_run(name: str, arguments: Mapping[str, JsonValue], placeholders: Mapping[str, str]) -> JsonValue:
    """Describes what runs on the host for an action: the hash of its script, its argument lists or its requests, as JSON.

    `placeholders` stand for the arguments that are not known yet, by name. Raises `ValueError` for an unknown kind, or
    for arguments that do not fit.
    """
    action_class = find_action_class(name)
    if issubclass(action_class, WindowsAction):
        return hash_script(name)
    action = _build_action(action_class, arguments, placeholders)
    if isinstance(action, WslAction):
        return [list(argv) for argv in action.build_commands()]
    if isinstance(action, GatewayAction):
        return [dataclasses.asdict(request) for request in action.build_requests()]
    if isinstance(action, LocalAction):
        described: JsonValue = action.model_dump(mode="json", warnings=False)  # placeholders are texts
        return described
    raise ValueError(f"{name} runs on no known side")


def _build_action(
    action_class: type[Action[Any]], arguments: Mapping[str, JsonValue], placeholders: Mapping[str, str]
) -> Action[Any]:
    """Builds the action: known arguments are validated by their fields, placeholders are inserted as they are."""
    if not placeholders:
        return parse_action(get_kind(action_class), arguments)
    fields = action_class.model_fields
    if missing := {name for name, field in fields.items() if field.is_required()} - arguments.keys() - placeholders.keys():
        raise ValueError(f"not an action {get_kind(action_class)}: it lacks {sorted(missing)}")
    try:
        known = {
            name: TypeAdapter(fields[name].rebuild_annotation()).validate_json(json.dumps(value))
            for name, value in arguments.items()
        }
    except (KeyError, ValidationError) as error:
        raise ValueError(f"not an action {get_kind(action_class)}: {error}") from error
    return action_class.model_construct(None, **known, **placeholders)
