"""apt with an archive in a folder: something pending, something of a security archive, held, and not installable."""

import hashlib
from collections.abc import Iterator, Mapping

from tests.fleet.distribution import Distribution

FOLDER = "/srv/archive"

SUITES: Mapping[str, str] = {"stable": "Debian", "stable-security": "Debian-Security"}
"""Suites and their labels."""

PENDING: Mapping[str, str] = {
    "fleet-pending": "stable",
    "fleet-held": "stable",
    "fleet-insecure": "stable-security",
    "fleet-kept": "stable",
}
"""Packages of which version 1.0 is installed, and the suite that has 2.0. fleet-held is on hold.

2.0 of fleet-kept depends on a package that no archive has, so apt keeps it back by itself.
"""

HELD, KEPT = "fleet-held", "fleet-kept"


_INDEX = """
for file in *.deb; do
    dpkg-deb --field "$file"
    printf 'Filename: ./%s\nSize: %s\n' "$file" "$(stat -c %s "$file")"
    printf 'SHA256: %s\n\n' "$(sha256sum <"$file" | cut -d' ' -f1)"
done
"""
"""Prints the index of a folder of packages."""


def set_up_apt(distribution: Distribution) -> None:
    """Installs the packages, fills the archive, and reads its lists."""
    space = distribution.space
    distribution.sh(_build_packages())
    for suite, label in SUITES.items():
        place = f"{FOLDER}/{suite}"
        index = distribution.sh(f"cd {place}; {_INDEX}")
        space.write(f"{place}/Packages", index)
        space.write(f"{place}/Release", _describe_suite(suite, label, index))
    sources = "".join(f"deb [trusted=yes] file:{FOLDER}/{suite} ./\n" for suite in SUITES)
    space.write("/etc/apt/sources.list", sources)
    space.run("apt-mark", "hold", HELD)
    space.run("apt-get", "-q", "update")


def _build_packages() -> str:
    """The shell script that builds all packages and installs the old ones."""
    return "\n".join(
        (
            *(f"mkdir -p {FOLDER}/{suite}" for suite in SUITES),
            *(line for name, suite in PENDING.items() for line in _build_package(name, suite)),
            "dpkg --install /root/*_1.0_all.deb",
        )
    )


def _build_package(name: str, suite: str) -> Iterator[str]:
    for version, place in (("1.0", "/root"), ("2.0", f"{FOLDER}/{suite}")):
        root = f"/tmp/{name}-{version}"
        needs = "Depends: fleet-nowhere\n" if (name, version) == (KEPT, "2.0") else ""
        control = (
            f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: fleet <fleet@localhost>\n"
            f"{needs}Description: a package of the fleet\n"
        )
        yield f"mkdir -p {root}/DEBIAN\ncat >{root}/DEBIAN/control <<'END'\n{control}END"
        yield f"dpkg-deb --build -Znone {root} {place}/{name}_{version}_all.deb"


def _describe_suite(suite: str, label: str, index: str) -> str:
    data = index.encode()
    return (
        f"Origin: Debian\nLabel: {label}\nSuite: {suite}\nVersion: 13\nCodename: fleet\nArchitectures: all amd64\n"
        f"Date: Sat, 28 Nov 2026 00:00:00 UTC\nSHA256:\n {hashlib.sha256(data).hexdigest()} {len(data)} Packages\n"
    )
