"""Cases of the scripts that handle Nebula's certificates: which host, which action, and what comes of it."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.windows import nebula
from adapters.windows.action import WindowsAction
from tests.adapters.windows.nebula_hosts import (
    BLOCKED,
    CA,
    ENDED,
    ENDING,
    EXPIRED,
    FIND,
    FOLDER,
    FORGET,
    INLINE,
    JSON_LINE,
    KEY_TEXT,
    LOG_END,
    MAKE,
    NO_CA,
    NOTE,
    NOW,
    PATHS,
    PUBLIC_KEY,
    QUOTED,
    REACH,
    READ,
    REFUSALS,
    SIGN,
    STAGE,
    at,
    both,
    change_is,
    changed,
    edited,
    file,
    full,
    no_service,
    original,
    program,
    put_aside,
    quiet,
    readers,
    refusal,
    refused,
    refused_before,
    signed,
    staged,
    stopped,
    without,
)
from tests.lab.windows.state import WindowsState


@dataclass(frozen=True)
class Case:
    """A host, `change`d, and an action on it: its answer as the bot takes it has `told`, or it fails with a code."""

    story: str
    action: WindowsAction[Any]
    change: Callable[[WindowsState], None] = lambda state: None
    told: Mapping[str, Any] = field(default_factory=dict)
    fails: str = ""
    host: str = "host-a"
    left_out: str = ""

    @property
    def arguments(self) -> dict[str, Any]:
        """What the script gets: the action's arguments, without the one that is `left_out`."""
        return {name: value for name, value in self.action.build_arguments().items() if name != self.left_out}

    def state(self) -> WindowsState:
        """The host of this case."""
        state = copy.deepcopy(original(self.host))
        self.change(state)
        return state


CASES = (
    Case("everything about a healthy host", READ, told={"key_matches": True, "readers": (), "ca_key": False}),
    Case("the lighthouse has the CA's key", READ, host="lighthouse", told={"ca_key": True, "ca_key_encrypted": False}),
    Case(
        "nothing is there, and nothing fails",
        READ,
        quiet,
        told={
            "certificate": "",
            "printed": "",
            "ca": "",
            "configured_key": "",
            "key_present": False,
            "key_matches": None,
            "written_at": None,
            "ca_written_at": None,
            "running_since": None,
            "sightings": (),
        },
    ),
    Case("Nebula is stopped", READ, stopped, told={"running_since": None, "key_matches": True}),
    Case("Nebula runs without a service", READ, no_service, told={"clock": NOW}),
    Case(
        "another key than the certificate's",
        READ,
        file(PATHS.host_key, original("host-b").files[at(PATHS.host_key)]),
        told={
            "key_matches": False,
            "test_says": "private key is not a pair with public key in nebula cert",
        },
    ),
    Case(
        "an expired certificate",
        READ,
        both(
            file(PATHS.host_certificate, signed(days=1, ago=2)),
            file(PATHS.host_key, original("host-a").files[at(rf"{FOLDER}\host.key")]),
        ),
        told={"key_matches": False, "test_says": "nebula certificate for this host is expired"},
    ),
    Case(
        "others may read the key",
        READ,
        readers(PATHS.host_key, "S-1-5-32-545", "S-1-1-0"),
        told={"readers": ("S-1-5-32-545", "S-1-1-0")},
    ),
    Case(
        "paths in quotes, with slashes, with remarks; other blocks' keys are none of it",
        READ,
        file(PATHS.nebula_config, QUOTED),
        told={
            "configured_ca": PATHS.ca_certificate,
            "configured_certificate": "F:/flatnet/config/nebula/host.crt",
            "configured_key": "F:/flatnet/config/nebula/host.key",
        },
    ),
    Case(
        "a key that stands in the configuration is not told",
        READ,
        file(PATHS.nebula_config, INLINE),
        told={"configured_key": "inline"},
    ),
    Case(
        "a key that stands where a path should is not told, not even in Nebula's complaint",
        READ,
        edited(PATHS.nebula_config, f"key: {PATHS.host_key}", f"key: {KEY_TEXT.splitlines()[1]}"),
        told={"configured_key": "inline", "key_matches": False},
    ),
    Case(
        "a certificate file that holds the key, too, is told without it",
        READ,
        file(PATHS.host_certificate, signed() + KEY_TEXT),
        told={"certificate": signed() + "\n"},
    ),
    Case("a key alone where the certificate should be", READ, file(PATHS.host_certificate, KEY_TEXT), told={"printed": ""}),
    Case(
        "an encrypted CA key",
        READ,
        file(PATHS.ca_key, "-----BEGIN NEBULA ED25519 ENCRYPTED PRIVATE KEY-----\n"),
        host="lighthouse",
        told={"ca_key_encrypted": True},
    ),
    Case(
        "a log in JSON",
        READ,
        file(PATHS.nebula_log, "noise\n" + JSON_LINE.replace("a" * 64, "b" * 64) + JSON_LINE),
        told={
            "sightings": (
                nebula.LoggedHandshake(
                    name="lighthouse",
                    fingerprint="a" * 64,
                    at=datetime(2026, 11, 25, 16, 17, 16, tzinfo=UTC),
                    address="10.100.0.1",
                ),
            )
        },
    ),
    Case(
        "nebula-cert that Windows will not start hides nothing else",
        READ,
        program(PATHS.nebula_cert_exe, "broken"),
        told={"printed": ""},
    ),
    Case("a new key pair", MAKE, without(rf"{FOLDER}\host.key", rf"{FOLDER}\host.pub"), told={"changed": True}),
    Case("the key pair that is there", MAKE, told={"changed": False, "public_key": PUBLIC_KEY}),
    Case("half a pair is made anew", MAKE, without(rf"{FOLDER}\host.pub"), told={"changed": True}),
    Case("a pair that was cut off is made anew", MAKE, file(rf"{FOLDER}\host.pub", PUBLIC_KEY[:60]), told={"changed": True}),
    Case(
        "a folder with nothing in it is closed first",
        changed(MAKE, folder=FOLDER[:-1] + "c"),
        readers(FOLDER[:-1] + "c", "S-1-5-32-545"),
        told={"changed": True},
    ),
    Case("a folder that somebody else can enter", MAKE, readers(FOLDER, "S-1-5-32-545"), fails="FolderNotSafe"),
    Case(
        "a key that others can read is not taken, and one that they can still read is deleted",
        MAKE,
        readers(rf"{FOLDER}\host.key", "S-1-5-32-545", "S-1-1-0"),
        fails="KeyNotSafe",
    ),
    Case("no room for a key", MAKE, full, fails="DiskFull"),
    Case(
        "no nebula-cert",
        changed(MAKE, folder=FOLDER[:-1] + "c"),
        program(PATHS.nebula_cert_exe, "missing"),
        fails="ProgramMissing",
    ),
    Case(
        "nebula-cert that Windows will not start",
        changed(MAKE, folder=FOLDER[:-1] + "c"),
        program(PATHS.nebula_cert_exe, "broken"),
        fails="ProgramBroken",
    ),
    Case("a path with spaces", changed(MAKE, folder=r"F:\flat net's\operations\op-0123456789ab"), told={"changed": True}),
    Case("a certificate for a year", SIGN, host="lighthouse", told={"changed": True}),
    Case(
        "a certificate that was signed before for this key",
        SIGN,
        both(file(rf"{FOLDER}\host.pub", PUBLIC_KEY), staged),
        host="lighthouse",
        told={"changed": False, "certificate": signed()},
    ),
    Case(
        "one that was signed before for another key",
        SIGN,
        both(file(rf"{FOLDER}\host.pub", PUBLIC_KEY.replace("A", "B")), staged),
        host="lighthouse",
        told={"changed": True},
    ),
    Case(
        "one that was cut off",
        SIGN,
        both(file(rf"{FOLDER}\host.pub", PUBLIC_KEY), file(rf"{FOLDER}\host.crt", signed()[:99])),
        host="lighthouse",
        told={"changed": True},
    ),
    Case(
        "a CA that ends before the year does",
        changed(SIGN, ca_fingerprint=ENDING.fingerprint),
        ENDING.rules,
        host="lighthouse",
        told={"not_after": ENDING.ends - timedelta(seconds=1)},
    ),
    Case(
        "a CA that has expired",
        changed(SIGN, ca_fingerprint=EXPIRED.fingerprint),
        EXPIRED.rules,
        host="lighthouse",
        fails="CaExpired",
    ),
    Case(
        "the right CA in a bundle, where it is not the first",
        SIGN,
        file(PATHS.ca_certificate, ENDING.certificate + CA),
        host="lighthouse",
        told={"changed": True},
    ),
    Case(
        "a name and a group that look like options and code",
        changed(SIGN, name='-json "$(calc)" \\', groups=("a b", "日本 '`")),
        host="lighthouse",
        told={"changed": True},
    ),
    Case(
        "a network behind the host",
        changed(SIGN, unsafe_networks=("10.87.1.0/24",)),
        host="lighthouse",
        told={"changed": True},
    ),
    Case("no CA key", SIGN, host="host-b", fails="CaKeyMissing"),
    Case(
        "an encrypted CA key cannot sign",
        SIGN,
        file(PATHS.ca_key, "-----BEGIN NEBULA ED25519 ENCRYPTED PRIVATE KEY-----\n"),
        host="lighthouse",
        fails="CaKeyEncrypted",
    ),
    Case("another CA than was planned with", changed(SIGN, ca_fingerprint="0" * 64), host="lighthouse", fails="CaDiffers"),
    Case("a CA certificate that is none", SIGN, file(PATHS.ca_certificate, "junk\n"), host="lighthouse", fails="CaDiffers"),
    Case("a CA key of another CA", SIGN, file(PATHS.ca_key, ENDING.key), host="lighthouse", fails="CaDiffers"),
    Case("no room for a certificate", SIGN, full, host="lighthouse", fails="DiskFull"),
    Case(
        "an address that nebula-cert refuses", changed(SIGN, networks=("10.100.1.1",)), host="lighthouse", fails="SignFailed"
    ),
    Case("a certificate beside its key", STAGE, told={"changed": True, "certificate_file": rf"{FOLDER}\host.crt"}),
    Case("the certificate lies there already", STAGE, staged, told={"changed": False, "key_file": rf"{FOLDER}\host.key"}),
    Case("the copy of the configuration keeps its form", STAGE, file(PATHS.nebula_config, QUOTED), told={"changed": True}),
    Case("a certificate without its key", STAGE, without(rf"{FOLDER}\host.key"), fails="KeyMissing"),
    Case("a key that is not the certificate's", STAGE, file(rf"{FOLDER}\host.key", KEY_TEXT), fails="NotTaken"),
    Case(
        "a certificate of a CA that this host does not know",
        STAGE,
        file(PATHS.ca_certificate, ENDING.certificate),
        fails="NotVerified",
    ),
    Case(
        "an expired CA in the same file is no reason",
        STAGE,
        file(PATHS.ca_certificate, EXPIRED.certificate + CA),
        told={"changed": True},
    ),
    Case("no configuration", STAGE, without(PATHS.nebula_config), fails="ConfigMissing"),
    Case("a configuration with the key in it", STAGE, file(PATHS.nebula_config, INLINE), fails="ConfigNotKnown"),
    Case(
        "a configuration in another form",
        STAGE,
        file(PATHS.nebula_config, "pki: {cert: a, key: b}\n"),
        fails="ConfigNotKnown",
    ),
    Case("no Nebula to try it", STAGE, program(PATHS.nebula_exe, "missing"), fails="ProgramMissing"),
    Case("no room to stage", STAGE, full, fails="DiskFull"),
    Case("a folder is forgotten with the key in it", FORGET, told={"changed": True}),
    Case("a folder that is not there", FORGET, host="host-b", told={"changed": False}),
    Case("a folder whose change was kept", FORGET, change_is("confirmed"), told={"changed": True}),
    Case("a folder whose change was put back", FORGET, change_is("reverted"), told={"changed": True}),
    Case("a folder with the old pair of a change that goes on", FORGET, change_is("applied"), fails="ChangeNotEnded"),
    Case("a folder with the old pair of a change that is stuck", FORGET, change_is("stuck"), fails="ChangeNotEnded"),
    Case(
        "a folder with old files of another change of the operation",
        FORGET,
        change_is("stuck", "op-0123456789ab-peers"),
        fails="ChangeNotEnded",
    ),
    Case("the folder of somebody else", changed(FORGET, folder=r"F:\flatnet\config\nebula"), fails="NotOurs"),
    Case("a folder that only looks like ours", changed(FORGET, folder=FOLDER + r"\..\..\config"), fails="NotOurs"),
    Case("where a log ends, in bytes", NOTE, file(PATHS.nebula_log, "日本\n"), told={"position": 7}),
    Case("a log that is not there", NOTE, without(PATHS.nebula_log), told={"position": 0}),
    Case("a handshake from the beginning on", FIND, told={"found": True}),
    Case(
        "nothing beyond the log's end",
        changed(FIND, after=len(original("host-a").files[at(PATHS.nebula_log)])),
        told={"found": False},
    ),
    Case("another fingerprint", changed(FIND, fingerprint="0" * 64), told={"found": False}),
    Case("a part of a name is not the name", changed(FIND, name="light"), told={"found": False}),
    Case(
        "a certificate that was refused is no handshake",
        FIND,
        edited(PATHS.nebula_log, "Handshake message received", "Invalid certificate from host"),
        told={"found": False},
    ),
    Case("a handshake in the log that was put aside since", changed(FIND, after=4000), put_aside, told={"found": True}),
    Case(
        "a handshake that was there before the log was put aside",
        changed(FIND, after=5000),
        put_aside,
        told={"found": False},
    ),
    Case(
        "a handshake in JSON", changed(FIND, fingerprint="a" * 64), file(PATHS.nebula_log, JSON_LINE), told={"found": True}
    ),
    Case("a log that is shorter, and none was put aside", changed(FIND, after=4000), told={"found": True}),
    Case("no log at all", FIND, without(PATHS.nebula_log), told={"found": False}),
    Case("an address that answers", REACH, told={"reachable": True}),
    Case("an address that does not answer", changed(REACH, address="240.0.0.1"), told={"reachable": False}),
    Case("nothing was refused", REFUSALS, told={"count": 0, "says": "", "address": ""}),
    Case(
        "a certificate of a CA that this host does not know was refused",
        REFUSALS,
        refused(NO_CA),
        told={"count": 1, "says": f"certificate validation failed: {NO_CA}", "address": "192.0.2.2"},
    ),
    Case("more refusals than fit into an answer", REFUSALS, refused(*[NO_CA] * 205), told={"count": 200}),
    Case(
        "a machine that was refused before is none of a change",
        changed(REFUSALS, after=LOG_END + len(refusal(NO_CA))),
        refused_before,
        told={"count": 1, "address": "192.0.2.2"},
    ),
    Case("members that were removed or have ended try again", REFUSALS, refused(BLOCKED, ENDED), told={"count": 0}),
    Case("one that counts among those that do not", REFUSALS, refused(BLOCKED, NO_CA, ENDED), told={"count": 1}),
    Case(
        "what was refused before does not count",
        changed(REFUSALS, after=LOG_END + len(refusal(NO_CA))),
        refused(NO_CA),
        told={"count": 0},
    ),
    Case("a log that is gone has no refusals", REFUSALS, without(PATHS.nebula_log), told={"count": 0}),
    Case(
        "a refusal in the log that was put aside since",
        changed(REFUSALS, after=4000),
        both(refused(NO_CA), put_aside),
        told={"count": 1},
    ),
    *(
        Case("an argument that is missing", action, left_out=name, fails="PropertyNotFoundStrict", host="lighthouse")
        for action, name in (
            (READ, "config"),
            (MAKE, "folder"),
            (SIGN, "ca_key"),
            (STAGE, "folder"),
            (FORGET, "folder"),
            (NOTE, "log"),
            (FIND, "after"),
            (REFUSALS, "after"),
            (REACH, "address"),
        )
    ),
)
