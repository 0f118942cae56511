"""Cases of the scripts that make, try, install and wipe a CA, and that read what a file of CAs is worth."""

import copy
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

from adapters.nebula.certificates import parse_pem
from adapters.windows.authority import InstallAuthority, MakeAuthority, SignCanary, WipeAuthority
from adapters.windows.trust import ReadTrust
from tests.adapters.windows.nebula_cases import Case
from tests.adapters.windows.nebula_hosts import (
    CA,
    ENDING,
    EXPIRED,
    FOLDER,
    INLINE,
    NOW,
    PATHS,
    SIDE,
    at,
    both,
    changed,
    edited,
    file,
    full,
    original,
    program,
    readers,
    signed,
    stopped,
    without,
)
from tests.lab.windows import nebula_cert
from tests.lab.windows.state import WindowsState

HOME = r"F:\flatnet\authorities\op-0123456789ab"
STAGED = rf"{FOLDER}\edit\ca.crt"
OLD_KEY = original("lighthouse").files[at(PATHS.ca_key)]
ENCRYPTED = "-----BEGIN NEBULA ED25519 ENCRYPTED PRIVATE KEY-----\n"

MAKE = MakeAuthority(
    folder=HOME,
    nebula_cert_exe=PATHS.nebula_cert_exe,
    name="Flatnet CA 2",
    seconds=157_680_000,
    curve="25519",
    version=1,
)
CANARY = SignCanary(folder=HOME, nebula_cert_exe=PATHS.nebula_cert_exe, curve="25519", network="10.100.255.254/16")
WIPE = WipeAuthority(folder=HOME)
TRUST = ReadTrust.of(SIDE, FOLDER, signed())


@cache
def _made() -> WindowsState:
    """The lighthouse with a new CA in its folder, and a canary of it."""
    state = copy.deepcopy(original("lighthouse"))
    began, new = NOW - timedelta(minutes=1), ["-out-crt", rf"{HOME}\ca.crt", "-out-key", rf"{HOME}\ca.key"]
    pair = ["-ca-crt", rf"{HOME}\ca.crt", "-ca-key", rf"{HOME}\ca.key", "-in-pub", "c.pub"]
    for arguments in (
        ["ca", "-name", "Flatnet CA 2", "-duration", "157680000s", *new],
        ["keygen", "-out-key", "c.key", "-out-pub", "c.pub"],
        ["sign", *pair, "-name", "canary", "-ip", "10.100.255.254/16", "-out-crt", rf"{HOME}\canary.crt"],
    ):
        assert nebula_cert.run(arguments, state.files, began).code == 0
    return state


NEW_CA, NEW_KEY = (_made().files[at(rf"{HOME}\ca.{end}")] for end in ("crt", "key"))
A_CANARY = _made().files[at(rf"{HOME}\canary.crt")]
INSTALL = InstallAuthority(
    folder=HOME,
    nebula_cert_exe=PATHS.nebula_cert_exe,
    ca_key=PATHS.ca_key,
    ca=PATHS.ca_certificate,
    fingerprint=parse_pem(NEW_CA)[0].fingerprint,
    curve="25519",
    network="10.100.255.254/16",
)
HAS_CA = both(file(rf"{HOME}\ca.crt", NEW_CA), file(rf"{HOME}\ca.key", NEW_KEY))
HAS_CANARY = both(HAS_CA, file(rf"{HOME}\canary.crt", A_CANARY))
DROPPED = both(HAS_CANARY, file(PATHS.ca_certificate, NEW_CA))
INSTALLED = both(DROPPED, without(rf"{HOME}\ca.key"), file(PATHS.ca_key, NEW_KEY))
NEW_TRUST: Any = changed(TRUST, certificate=A_CANARY)
STAGED_TRUST: Any = changed(NEW_TRUST, file=STAGED)


def _case(story: str, action: Any, *changes: Any, told: Any = None, fails: str = "") -> Case:
    """A case on the lighthouse, where the CA's key is."""
    return Case(story, action, both(*changes), told=told or {}, fails=fails, host="lighthouse")


def _edition(version: str) -> Callable[[WindowsState], None]:
    """Its nebula-cert is of that version."""

    def change(state: WindowsState) -> None:
        state.programs[at(PATHS.nebula_cert_exe)].prints = f"Version: {version}"

    return change


CASES = (
    _case("a new CA like the old one", MAKE, told={"changed": True, "name": "Flatnet CA 2"}),
    _case(
        "a CA with the limits of the old one",
        changed(
            MAKE,
            groups=("flatnet", "gate way"),
            networks=("10.100.0.0/16", "10.101.0.1/16"),
            unsafe_networks=("10.87.0.0/16",),
        ),
        told={"changed": True},
    ),
    _case("a CA of the other curve", changed(MAKE, curve="P256"), told={"changed": True}),
    _case(
        "a name in Japanese, with what looks like code", changed(MAKE, name='実験 "$(calc)" CA\\'), told={"changed": True}
    ),
    _case("the CA that was made before", MAKE, HAS_CA, told={"changed": False, "certificate": NEW_CA}),
    _case("a key without a certificate is made anew", MAKE, file(rf"{HOME}\ca.key", NEW_KEY), told={"changed": True}),
    _case("a certificate that was cut off", MAKE, HAS_CA, file(rf"{HOME}\ca.crt", NEW_CA[:99]), told={"changed": True}),
    _case("a key that was cut off", MAKE, HAS_CA, file(rf"{HOME}\ca.key", NEW_KEY[:60]), told={"changed": True}),
    _case(
        "a new key that others can read is deleted",
        MAKE,
        readers(rf"{HOME}\ca.key", "S-1-5-32-545"),
        fails="KeyNotSafe",
    ),
    _case("a folder that somebody else can enter", MAKE, HAS_CA, readers(HOME, "S-1-1-0"), fails="FolderNotSafe"),
    _case("no room for a CA", MAKE, full, fails="DiskFull"),
    _case("another version than its nebula-cert has", changed(MAKE, version=2), _edition("1.9.5"), fails="VersionUnknown"),
    _case("a nebula-cert that makes version 2 unless it is told", MAKE, _edition("1.10.3"), told={"changed": True}),
    _case(
        "a CA of version 2 with limits",
        changed(MAKE, version=2, groups=("flatnet",), networks=("10.100.0.0/16",), unsafe_networks=("10.87.0.0/16",)),
        _edition("1.10.3"),
        told={"changed": True},
    ),
    _case("a nebula-cert that does not tell its version", MAKE, _edition("nightly"), fails="VersionUnknown"),
    _case("a canary by a newer nebula-cert", CANARY, _edition("1.10.3"), HAS_CA, told={"changed": True}),
    _case("no nebula-cert", MAKE, program(PATHS.nebula_cert_exe, "missing"), fails="ProgramMissing"),
    _case("a group that nebula-cert refuses", changed(MAKE, networks=("10.100.0.0",)), fails="CaFailed"),
    _case("a folder that is not a CA's", changed(MAKE, folder=FOLDER), fails="NotOurs"),
    _case("a canary of the new CA", CANARY, HAS_CA, told={"changed": True}),
    _case("the canary that was signed before", CANARY, HAS_CANARY, told={"changed": False, "certificate": A_CANARY}),
    _case(
        "a canary that was cut off, and its key that a crash left there",
        CANARY,
        HAS_CANARY,
        file(rf"{HOME}\canary.crt", A_CANARY[:99]),
        file(rf"{HOME}\canary.key", NEW_KEY),
        told={"changed": True},
    ),
    _case("a canary without a CA key", CANARY, file(rf"{HOME}\ca.crt", NEW_CA), fails="CaKeyMissing"),
    _case("a canary with an encrypted CA key", CANARY, HAS_CA, file(rf"{HOME}\ca.key", ENCRYPTED), fails="CaKeyMissing"),
    _case("a canary with another CA's key", CANARY, HAS_CA, file(rf"{HOME}\ca.key", OLD_KEY), fails="SignFailed"),
    _case("no room for a canary", CANARY, HAS_CA, full, fails="DiskFull"),
    _case("a canary in a folder that is not a CA's", changed(CANARY, folder=FOLDER), HAS_CA, fails="NotOurs"),
    _case("the new key takes the place of the old one", INSTALL, DROPPED, told={"changed": True}),
    _case("the new key is in place already", INSTALL, INSTALLED, told={"changed": False}),
    _case(
        "the old key that a crash left aside is wiped",
        INSTALL,
        INSTALLED,
        file(f"{PATHS.ca_key}.old", OLD_KEY),
        told={"changed": True},
    ),
    _case(
        "a crash before the new key was in place",
        INSTALL,
        DROPPED,
        without(PATHS.ca_key),
        file(f"{PATHS.ca_key}.old", OLD_KEY),
        told={"changed": True},
    ),
    _case("others could read the old key", INSTALL, DROPPED, readers(PATHS.ca_key, "S-1-1-0"), told={"changed": True}),
    _case("a lighthouse that does not hold the new CA keeps its key", INSTALL, HAS_CANARY, fails="CaDiffers"),
    _case("another key than the new CA's", INSTALL, DROPPED, file(rf"{HOME}\ca.key", ENDING.key), fails="SignFailed"),
    _case("no new key, and the old one is still in place", INSTALL, DROPPED, without(rf"{HOME}\ca.key"), fails="SignFailed"),
    _case(
        "neither a new key nor an old one",
        INSTALL,
        DROPPED,
        without(rf"{HOME}\ca.key", PATHS.ca_key),
        fails="CaKeyMissing",
    ),
    _case("no room to try the key", INSTALL, DROPPED, full, fails="DiskFull"),
    _case("a CA is wiped with its folder", WIPE, HAS_CANARY, told={"changed": True}),
    _case("a CA that is not there", WIPE, told={"changed": False}),
    _case("another folder is not wiped", changed(WIPE, folder=r"F:\flatnet\config\nebula"), fails="NotOurs"),
    _case(
        "a folder that only looks like a CA's",
        changed(WIPE, folder=HOME + r"\..\..\operations"),
        HAS_CA,
        fails="NotOurs",
    ),
    _case("a host trusts its CA", TRUST, told={"verified": True, "accepted": True, "says": ""}),
    _case(
        "a CA that is not in the file",
        NEW_TRUST,
        told={"verified": False, "accepted": True, "says": "could not find ca for the certificate"},
    ),
    _case(
        "a CA that was added, and Nebula not started since",
        NEW_TRUST,
        lambda state: state.write(at(PATHS.ca_certificate), CA + NEW_CA, NOW),
        told={"verified": True, "accepted": True, "loaded": False},
    ),
    _case("a staged file with both CAs", STAGED_TRUST, file(STAGED, CA + NEW_CA), told={"verified": True, "accepted": True}),
    _case(
        "an expired CA beside it is no reason",
        STAGED_TRUST,
        file(STAGED, EXPIRED.certificate + CA + NEW_CA),
        told={"verified": True, "accepted": True},
    ),
    _case(
        "line ends of Windows",
        STAGED_TRUST,
        file(STAGED, (CA + NEW_CA).replace("\n", "\r\n")),
        told={"verified": True, "accepted": True},
    ),
    _case(
        "a staged file that Nebula refuses",
        STAGED_TRUST,
        file(STAGED, "junk\n"),
        told={"verified": False, "accepted": False},
    ),
    _case("Nebula is stopped", TRUST, stopped, told={"running_since": None, "loaded": False}),
    _case("no file of CAs", TRUST, without(PATHS.ca_certificate), fails="FileMissing"),
    _case("a file that no CAs need", TRUST, file(PATHS.ca_certificate, CA + "\n" * 64_000), fails="FileTooLarge"),
    _case(
        "the CA stands in the configuration itself",
        TRUST,
        edited(PATHS.nebula_config, f"ca: {PATHS.ca_certificate}", "ca: |\n    -----BEGIN"),
        fails="ConfigNotKnown",
    ),
    _case(
        "a configuration with the key in it is tried all the same",
        TRUST,
        file(PATHS.nebula_config, INLINE),
        told={"verified": True},
    ),
    _case("no room to try", TRUST, full, fails="DiskFull"),
    _case("the folder of somebody else", changed(TRUST, folder=r"F:\flatnet\config\nebula"), fails="NotOurs"),
    *(
        Case("an argument that is missing", action, HAS_CA, left_out=name, fails="PropertyNotFoundStrict", host="lighthouse")
        for action, name in ((MAKE, "version"), (CANARY, "network"), (INSTALL, "ca_key"), (WIPE, "folder"), (TRUST, "file"))
    ),
)
