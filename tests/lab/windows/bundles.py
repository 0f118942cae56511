"""CA bundles as they lie on hosts: with an expired CA, with CRLF, with twenty CAs, and some that Nebula refuses.

Made by the lab's nebula-cert. `tests/lab_checks/test_nebula.py` gives all of them to the real Nebula.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PureWindowsPath

from adapters.nebula.certificates import Certificate, parse_pem
from tests.lab.windows import nebula_cert
from tests.lab.windows.nebula_cert_call import Files

LIFETIME = timedelta(days=1825)


@dataclass(frozen=True)
class Authority:
    """A CA: the text of its certificate and of its key."""

    certificate: str
    key: str

    @property
    def parsed(self) -> Certificate:
        """The certificate as a value."""
        (found,) = parse_pem(self.certificate)
        return found


def make_authority(
    name: str, now: datetime, *more: str, lifetime: timedelta = LIFETIME, version: str = "1.9.3"
) -> Authority:
    """A CA that was made at `now`; `more` are further arguments of `nebula-cert ca`, `version` is the program's."""
    files: Files = {}
    duration = f"{int(lifetime.total_seconds())}s"
    done = nebula_cert.run(["ca", "-name", name, "-duration", duration, *more], files, now, version)
    assert done.code == 0, done.stderr
    return Authority(files[PureWindowsPath("ca.crt")], files[PureWindowsPath("ca.key")])


def make_expired(name: str, now: datetime) -> Authority:
    """A CA that has expired an hour before `now`."""
    return make_authority(name, now - timedelta(days=2), lifetime=timedelta(hours=47))


def write_bundles(current: str, now: datetime) -> Mapping[str, str]:
    """Bundles with the certificate of one CA, `current`; Nebula starts with each of them."""
    others = [make_authority(f"Old CA {number}", now).certificate for number in range(1, 20)]
    expired, other = make_expired("Expired CA", now).certificate, others[0]
    return {
        "one CA": current,
        "two CAs": current + other,
        "two CAs, backwards": other + current,
        "CRLF": (current + other).replace("\n", "\r\n"),
        "CRLF and LF": current.replace("\n", "\r\n") + other,
        "twenty CAs": current + "".join(others),
        "an expired CA": current + expired,
        "an expired CA first": expired + current,
        "the same CA twice": current + current,
        "no newline at the end": (current + other).rstrip("\n"),
        "comments and empty lines": f"# Flatnet\n\n{current}\n\n# before\n{other}\n\n",
        "a byte order mark, which hides the first": f"\ufeff{other}{current}",
    }


def write_broken_bundles(current: str, now: datetime) -> Mapping[str, str]:
    """Bundles with which Nebula does not start."""
    expired = make_expired("Expired CA", now).certificate
    return {
        "only expired CAs": expired,
        "a comment after the last": f"{current}# end\n",
        "a damaged block after a good one": current + current.replace("-----END", "----END"),
        "no newline between two": current.rstrip("\n") + current,
        "a byte order mark, which hides the only one": f"\ufeff{current}",
        "empty": "",
        "no PEM": "ca\n",
    }
