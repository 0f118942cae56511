"""The files of the snapshots and what belongs in them today.

The tables are a snapshot in the first revision itself, which makes them from it.
"""

from collections.abc import Mapping
from pathlib import Path

from bot import store
from tests.bot.store.snapshots.names import write_names
from tests.bot.store.snapshots.tables import URLS, write_statements

FIRST = Path(store.__file__).parent / "migrations" / "versions"
NAMES = Path(__file__).with_name("names.txt")


def write_snapshots() -> Mapping[Path, str]:
    """Write what each file should hold."""
    return {FIRST / f"r0001_{kind}.sql": write_statements(kind) for kind in URLS} | {NAMES: write_names()}
