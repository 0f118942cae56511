"""The script that tests a configuration, with a real nginx: includes of staged files lead to staged files."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from adapters.windows import powershell
from adapters.windows.configuration_trial import ConfigurationTest, TestConfiguration
from tests.adapters.windows.configuration_cases import BASE, FOLDER, MAIN, PATHS, SIDE
from tests.adapters.windows.script_cases import NOW
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.state import WindowsState

pytestmark = [
    pytest.mark.pwsh,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="NO NGINX: the staged test was not run with a real one"),
]

CONFIGURATION = """
pid {drive}/flatnet/nginx.pid;
error_log {drive}/flatnet/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {drive}/flatnet/temporary;
    include "F:/flatnet/config/conf.d/*.conf";
    include parts/one.conf;  # include absent.conf;
    server {{
        listen 127.0.0.1:18080;
        set $text "}} include absent.conf; {{";
        location / {{ auth_basic "x"; auth_basic_user_file users; return 200 "x"; }}
    }}
}}
"""
ABSOLUTE, RELATIVE = PureWindowsPath(r"conf.d\a.conf"), PureWindowsPath(r"parts\one.conf")
GOOD = {ABSOLUTE: "proxy_http_version 1.1;\n", RELATIVE: "server { listen 127.0.0.1:18081; }\n"}

Ask = Callable[[PureWindowsPath, str], ConfigurationTest]


@pytest.fixture
def ask(pwsh: Pwsh) -> Iterator[Ask]:
    """What the staged test says after one more file was staged."""
    with pwsh.machine(WindowsState.healthy(1, "host-a"), NOW) as machine:

        def put(path: PureWindowsPath, text: str) -> Path:
            file = machine.place(path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            return file

        drive = machine.place(MAIN).parents[2]
        put(MAIN, CONFIGURATION.format(drive=drive))
        for path, text in GOOD.items():
            put(BASE / path, text)
        put(PureWindowsPath(PATHS.gateway_exe), '#!/bin/sh\nexec nginx "$@"\n').chmod(0o700)
        action = TestConfiguration.of_gateway(SIDE, str(FOLDER))
        request = powershell.pack_request("n", powershell.load_script(action.script), action.build_arguments())

        def stage(path: PureWindowsPath, text: str) -> ConfigurationTest:
            put(FOLDER / "edit" / path, text)
            answer: Any = powershell.unpack_answer(machine.run(request), "n", 64_000)
            return action.parse(answer)

        yield stage


@pytest.mark.parametrize("path", [ABSOLUTE, RELATIVE], ids=["an absolute include", "a relative include"])
def test_a_staged_file_is_tested_in_place_of_the_present_one(ask: Ask, path: PureWindowsPath) -> None:
    assert "good" == ask(path, GOOD[path]).state
    bad = ask(path, "\nbogus on;\n")
    assert ("bad", 'unknown directive "bogus"', str(BASE / path), 2) == (bad.state, bad.says, bad.file, bad.line)


def test_an_address_that_the_machine_does_not_have_is_told_apart(ask: Ask) -> None:
    unbound = ask(RELATIVE, "server { listen 192.0.2.99:18081; }\n")
    assert ("unbound", "192.0.2.99:18081") == (unbound.state, unbound.address)
