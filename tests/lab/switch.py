"""Faults and latency of a running lab, switched from outside.

`python -m tests.lab.switch --dir DIR HOST SIDE FAULT [--rtt MS]`

The lab listens on a Unix socket in DIR; this is its other end.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.faults import Fault

if TYPE_CHECKING:  # whoever only switches needs none of the servers
    from tests.lab.fleet import LabFleet

SOCKET = "lab.sock"


@asynccontextmanager
async def serve_switch(folder: Path, fleet: "LabFleet") -> AsyncIterator[None]:
    """Listen for switches until left."""

    async def switched(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            said = switch(fleet, json.loads(await reader.readline()))
        except (ValueError, KeyError, StopIteration) as error:
            said = f"no: {error!r}"
        writer.write(said.encode() + b"\n")
        await writer.drain()
        writer.close()

    path = folder / SOCKET
    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(switched, path)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


def switch(fleet: "LabFleet", wanted: dict[str, str | float | None]) -> str:
    """Set the fault, and the latency if given, of one side of one host; what it is now."""
    wire = fleet[str(wanted["host"])].wire(str(wanted["side"]))  # type: ignore[arg-type]  # a KeyError says which
    wire.fault = Fault(str(wanted["fault"]))
    rtt = wanted.get("rtt")
    if isinstance(rtt, int | float):
        wire.latency = rtt / 1000
    return f"{wanted['host']} {wanted['side']}: {wire.fault}, {wire.latency * 1000:g} ms"


async def _ask(path: Path, wanted: dict[str, str | float | None]) -> str:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(json.dumps(wanted).encode() + b"\n")
    said = (await reader.readline()).decode().strip()
    writer.close()
    return said


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.switch", description="Switch a fault of a running lab.")
    parser.add_argument("--dir", type=Path, required=True, help="the lab's folder")
    parser.add_argument("--rtt", type=float, help="latency of each exchange in milliseconds")
    parser.add_argument("host")
    parser.add_argument("side", choices=["windows", "wsl", "gateway"])
    parser.add_argument("fault", choices=[fault.value for fault in Fault])
    given = parser.parse_args()
    wanted = {"host": given.host, "side": given.side, "fault": given.fault, "rtt": given.rtt}
    said = asyncio.run(_ask(given.dir / SOCKET, wanted))
    print(said)
    sys.exit(said.startswith("no:"))


if __name__ == "__main__":
    main()
