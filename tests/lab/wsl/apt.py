"""apt of a simulated WSL2: what it says in a simulation, and when its lists were renewed."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

LISTS = "/var/lib/apt/lists"


@dataclass
class PendingPackage:
    """A package with a newer version; `archives` as apt names them.

    `installed` is "" for one that comes along anew. One that is `held` stays as it is.
    """

    name: str
    installed: str
    candidate: str
    archives: tuple[str, ...] = ("Ubuntu:24.04/noble-updates",)
    architecture: str = "amd64"
    held: bool = False

    @property
    def line(self) -> str:
        """As apt says that it would be installed."""
        installed = f"[{self.installed}] " if self.installed else ""
        return f"Inst {self.name} {installed}({self.candidate} {', '.join(self.archives)} [{self.architecture}])"


@dataclass
class Apt:
    """`lists` are the archives of which there is a list; `kept` counts what is kept back, `fails` is apt's error.

    `listed_at`: when `apt update` last went well; `stamped_at` the same as Ubuntu notes it, None on Debian.
    """

    pending: list[PendingPackage] = field(default_factory=list)
    lists: tuple[str, ...] = ("Ubuntu:noble", "Ubuntu:noble-updates", "Ubuntu:noble-security")
    kept: int = 0
    fails: str = ""
    listed_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    stamped_at: datetime | None = None


def simulated(apt: Apt) -> str:
    """What `apt-get -s -q dist-upgrade` prints for whoever is not root."""
    installed = [package for package in apt.pending if not package.held]
    held = [package for package in apt.pending if package.held]
    upgraded = [package for package in installed if package.installed]
    new = len(installed) - len(upgraded)
    lines = [
        "NOTE: This is only a simulation!",
        "      apt-get needs root privileges for real execution.",
        "      Keep also in mind that locking is deactivated,",
        "      so don't depend on the relevance to the real current situation!",
        "Reading package lists...",
        "Building dependency tree...",
        "Reading state information...",
        "Calculating upgrade...",
        *(["The following packages have been kept back:"] if held else []),
        *(f"  {package.name}" for package in held),
        *(["The following packages will be upgraded:"] if upgraded else []),
        *(f"  {package.name}" for package in upgraded),
        f"{len(upgraded)} upgraded, {new} newly installed, 0 to remove and {apt.kept + len(held)} not upgraded.",
        *(package.line for package in installed),
        *(package.line.replace("Inst", "Conf", 1).replace(f"[{package.installed}] ", "") for package in installed),
    ]
    return "\n".join(lines) + "\n"
