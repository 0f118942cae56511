"""Cases of the script that looks at a backup: the part of Nebula, with certificates that really fit or do not."""

import hashlib
from collections.abc import Callable
from pathlib import PureWindowsPath

from adapters.windows.backup_trial import PartTest, TestBackup, TestedPart
from adapters.windows.configuration_trial import ConfigurationTest
from tests.adapters.windows.archives import pack
from tests.adapters.windows.nebula_cases import Case
from tests.adapters.windows.nebula_hosts import PATHS, both, file, original
from tests.lab.windows.state import WindowsState

FOLDER = PureWindowsPath(PATHS.backups) / "host-a-0123456789ab"
BASE = PureWindowsPath(PATHS.nebula_config).parent
OTHER = original("host-b")


def archive(**differs: str) -> bytes:
    """The part of Nebula of host-a; other contents by the names of files, without their endings."""
    host = original("host-a")
    files = {path.name: text for path, text in host.files.items() if path.parent == BASE and path.suffix != ".key"}
    changed = {name: differs.get(name.partition(".")[0], text) for name, text in files.items()}
    return pack({name: text.encode() for name, text in sorted(changed.items())})


def look(content: bytes, *keep: str) -> TestBackup:
    test = PartTest(
        part="nebula",
        file="nebula.tar",
        sha256=hashlib.sha256(content).hexdigest(),
        program="nebula",
        exe=PATHS.nebula_exe,
        base=str(BASE),
        main="config.yaml",
        keep=keep,
    )
    return TestBackup(folder=str(FOLDER), scratch=f"{FOLDER}.test", names=("nebula.tar",), tests=(test,))


def has(content: bytes) -> Callable[[WindowsState], None]:
    return file(str(FOLDER / "nebula.tar"), content.decode())


def answer(state: str, says: str = "") -> dict[str, object]:
    test = ConfigurationTest.model_validate({"state": state, "says": says})
    return {"manifest": None, "tests": (TestedPart(part="nebula", test=test),)}


GOOD, PAIR = archive(), ("host.key", "host.crt")
RENEWED = both(
    has(GOOD),
    file(PATHS.host_key, OTHER.files[PureWindowsPath(PATHS.host_key)]),
    file(PATHS.host_certificate, OTHER.files[PureWindowsPath(PATHS.host_certificate)]),
)
NO_CA, NO_CONFIG = archive(ca="no certificate"), archive(config="pki: none\n")

CASES = (
    Case("a good backup of Nebula, with the present key pair", look(GOOD, *PAIR), has(GOOD), answer("good")),
    Case("a certificate that was renewed since", look(GOOD, *PAIR), RENEWED, answer("good")),
    Case(
        "a certificate without its key",
        look(GOOD, "host.key"),
        RENEWED,
        answer("bad", "private key is not a pair with public key in nebula cert"),
    ),
    Case(
        "a CA bundle that is none, although the host has a good one",
        look(NO_CA, *PAIR),
        has(NO_CA),
        answer(
            "bad", "error while adding CA certificate to CA trust store: input did not contain a valid PEM encoded block"
        ),
    ),
    Case(
        "a configuration without a certificate",
        look(NO_CONFIG, *PAIR),
        has(NO_CONFIG),
        answer("bad", "no pki.key path or PEM data provided"),
    ),
)
