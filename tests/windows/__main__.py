"""Tries the contract of the Windows scripts on one real machine.

    python -m tests.windows --host https://192.0.2.11:5986/wsman --user flatnet-bot --ca-file winrm-ca.pem

The password comes from the environment (FLATNET_PASSWORD) or is asked for. Needs an administrator of that machine. Ends with
1 if a trial failed.
"""

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import SecretStr

from adapters.errors import FlatnetError
from adapters.inventory import WindowsSide
from adapters.windows.winrm import RequestForm, WinRmConnection
from tests.windows.kit import Kit, Scope
from tests.windows.resident_trials import shorten_idle
from tests.windows.table import render_report, render_row


def main() -> int:
    """Runs the command line."""
    options = build_parser().parse_args()
    password = os.environ.get("FLATNET_PASSWORD") or getpass.getpass(f"password of {options.user}: ")
    try:
        return asyncio.run(_run(options, SecretStr(password)))
    except FlatnetError as error:
        print(f"could not try the contract: {error}", file=sys.stderr)
        return 2


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.windows",
        description="Try the contract of the Windows scripts on one real machine. Flatnet is not touched. "
        "A scratch folder and a scratch service are made, and removed at the end.",
    )
    parser.add_argument("--host", required=True, metavar="URL", help="https://192.0.2.11:5986/wsman")
    parser.add_argument("--user", required=True, help="an administrator of that machine")
    parser.add_argument("--ca-file", type=Path, required=True, help="the CA of the machine's WinRM certificate (PEM)")
    parser.add_argument("--pwsh", metavar="PROGRAM", help="run the scripts in this PowerShell 7, as pwsh.exe")
    parser.add_argument("--nebula", default="", metavar="FOLDER", help="the machine's folder of nebula.exe")
    parser.add_argument("--only", default="", metavar="TEXT", help="only trials whose names contain this text")
    parser.add_argument("--no-service", action="store_true", help="make no scratch service: no guarded changes are tried")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the table to this file, too")
    return parser


async def _run(options: argparse.Namespace, password: SecretStr) -> int:
    side = WindowsSide(url=options.host, user=options.user, ca_file=options.ca_file)
    scope = Scope(options.only, options.nebula, service=not options.no_service)
    with ThreadPoolExecutor(4) as pool:
        choose = _choose_shell(options.pwsh)
        connection = WinRmConnection(side, lambda name: password, pool, form=RequestForm(adapt_line=choose))
        brief = WinRmConnection(
            side, lambda name: password, pool, form=RequestForm(adapt_line=lambda line: choose(shorten_idle(line)))
        )
        setup = WinRmConnection(side, lambda name: password, pool)
        try:
            kit = Kit(connection, setup, brief, report=lambda row: print(render_row(row), flush=True))
            machine, rows = await kit.run(scope)
        finally:
            await asyncio.gather(connection.aclose(), brief.aclose(), setup.aclose())
    report = render_report(machine, rows)
    print(f"\n{report}")
    if options.report:
        options.report.write_text(report, "utf-8")
    return int(any(row.verdict == "failed" for row in rows))


def _choose_shell(pwsh: str | None) -> Callable[[str], str]:
    """Returns the change of a command line, so that it starts Windows PowerShell 5.1 or `pwsh`."""
    return lambda line: line.replace("powershell.exe", f'"{pwsh}"', 1) if pwsh else line


if __name__ == "__main__":
    sys.exit(main())
