"""What the demo's hosts wrote: evidence in which causes come before effects, as whoever looks for the fault needs it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path, PureWindowsPath

from tests.lab.fleet import LabHost, run_fleet
from tests.lab.traces import STOPPED, leave
from tests.lab.windows.disks import PATHS

NOW = datetime(2026, 11, 25, 9, 10, tzinfo=UTC)


def access(host: LabHost) -> list[tuple[datetime, str]]:
    """When something was asked of its gateway, and the status of the answer."""
    text = host.windows.state.files[PureWindowsPath(PATHS.access_log)]
    found = re.findall(r'\[([^]]+)\] "GET [^"]+" (\d+)', text)
    return [(datetime.strptime(at, "%d/%b/%Y:%H:%M:%S %z"), status) for at, status in found]


async def test_nothing_fails_before_what_made_it_fail(tmp_path: Path) -> None:
    async with run_fleet(tmp_path, 6) as fleet:
        leave(fleet, NOW)
        wsl = fleet["host-d"].wsl
        assert wsl is not None
        last = {name: printed[-1].text for name, printed in wsl.state.logs.printed.items()}
        assert b"cannot allocate" in last["web"]
        assert b"No space left" in last["db"]
        stopped = NOW - STOPPED
        nebula = fleet["host-b"].windows.state.files[PureWindowsPath(PATHS.nebula_log)]
        assert f'time="{stopped:%Y-%m-%dT%H:%M:%SZ}" level=info msg="Caught signal, shutting down"' in nebula
        for name in ("host-a", "host-d"):
            failed = [at for at, status in access(fleet[name]) if status == "502"]
            assert stopped < min(failed) <= stopped + timedelta(minutes=1)
            first = f"{min(failed):%Y/%m/%d %H:%M:%S} [error]"
            assert first in fleet[name].windows.state.files[PureWindowsPath(PATHS.error_log)]
