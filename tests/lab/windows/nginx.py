"""A stand-in of nginx with Lua: what it takes of a configuration on a simulated host, and what it says where it does not.

As the real one, it looks into no Lua block: a mistake there passes `-t` and shows itself when a worker starts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatch
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from adapters.inventory import WindowsPaths

if TYPE_CHECKING:
    from tests.lab.windows.state import WindowsState

PATHS = WindowsPaths.model_validate({})

PROXY_PARAMETERS = PureWindowsPath(PATHS.gateway_config).parent / "conf.d" / "proxy-params.conf"

OVERLAY = re.compile(r"10\.100\.\d+\.\d+:\d+")
"""An address that only Nebula brings."""

NOT_THERE = "10049: The requested address is not valid in its context"
NO_FILE = "2: The system cannot find the file specified"

_NAMES = """
access_by_lua_block access_log add_header allow client_body_buffer_size client_max_body_size content_by_lua_block
default_type deny error_log error_page events header_filter_by_lua_block http include init_by_lua_block
init_worker_by_lua_block internal keepalive keepalive_timeout listen location log_by_lua_block log_format lua_code_cache
lua_package_cpath lua_package_path lua_shared_dict lua_socket_log_errors map pid proxy_buffering proxy_buffers
proxy_buffer_size proxy_connect_timeout proxy_http_version proxy_pass proxy_read_timeout proxy_send_timeout
proxy_set_header resolver return rewrite_by_lua_block root sendfile server server_name server_tokens set stream types
upstream worker_connections worker_processes worker_shutdown_timeout
"""

DIRECTIVES = frozenset(_NAMES.split())

ONE_VALUE = frozenset({"worker_processes", "worker_connections", "pid", "include", "root"})


class NotLoaded(Exception):
    """A configuration that nginx does not take: its words behind `[emerg]`."""


@dataclass(frozen=True)
class Loaded:
    """What workers run with. `lua_works` is False where the block that starts the Lua side fails; then they have no id."""

    host_id: int | None
    peers: tuple[str, ...]
    lua_works: bool
    listens: tuple[str, ...]


@dataclass(frozen=True)
class Token:
    """A word, `;`, `{`, `}`, or the text of a Lua block (`lua`), with its line."""

    text: str
    line: int
    lua: bool = False
    quoted: bool = False


def write_configuration(host_id: int, peers: list[str]) -> str:
    """nginx.conf as the guide writes it."""
    listed = "".join(f'                "{peer}",\n' for peer in peers)
    return f"""worker_processes  1;
error_log  F:/flatnet/logs/error.log  info;

events {{
    worker_connections  1024;
}}

http {{
    lua_package_path "F:/flatnet/config/lualib/?.lua;;";
    lua_shared_dict flatnet_containers 10m;
    access_log  F:/flatnet/logs/access.log  combined;
    include conf.d/*.conf;

    init_worker_by_lua_block {{
        local sync = require "flatnet.sync"
        sync.configure({{
            host_id = {host_id},
            peers = {{
{listed}            }},
            sync_interval = 30,
        }})
        sync.start()
    }}

    server {{
        listen 80;
        location / {{
            proxy_pass http://127.0.0.1:8081;
        }}
    }}

    server {{
        listen 10.100.{host_id}.1:8080;
        location /api/health {{
            return 200 "OK";
        }}
    }}
}}
"""


def lay_configuration(state: "WindowsState", host_id: int, peers: list[str], now: datetime) -> None:
    """Write the configuration of a gateway, with the file that it includes."""
    state.write(PureWindowsPath(PATHS.gateway_config), write_configuration(host_id, peers), now)
    state.write(PROXY_PARAMETERS, "proxy_http_version 1.1;\nproxy_read_timeout 60s;\n", now)


def load(state: "WindowsState", config: str) -> Loaded:
    """Load a configuration with what it includes; `NotLoaded` where nginx would end with `[emerg]`."""
    reader = _Reader(state, PureWindowsPath(config).parent)
    reader.read(PureWindowsPath(config))
    return _start_lua(reader.blocks, tuple(reader.listens))


def find_unbound(state: "WindowsState", loaded: Loaded) -> str:
    """The words behind `[emerg]` where an address to listen on is not there; "" where all are."""
    nebula = state.service("Nebula")
    if nebula is not None and nebula.status == "Running":
        return ""
    address = next((listen for listen in loaded.listens if OVERLAY.fullmatch(listen)), None)
    return "" if address is None else f"bind() to {address} failed ({NOT_THERE})"


def check_configuration(state: "WindowsState", config: str) -> tuple[int, str]:
    """The return code of `nginx -t`, and what it writes to stderr."""
    path = config.replace("\\", "/")
    try:
        loaded = load(state, config)
    except NotLoaded as failed:
        return 1, f"nginx: [emerg] {failed}\nnginx: configuration file {path} test failed\n"
    said = f"nginx: the configuration file {path} syntax is ok\n"
    if unbound := find_unbound(state, loaded):
        return 1, f"{said}nginx: [emerg] {unbound}\nnginx: configuration file {path} test failed\n"
    return 0, f"{said}nginx: configuration file {path} test is successful\n"


def format_line(state: "WindowsState", now: datetime, level: str, words: str) -> str:
    """A line of error.log, in the host's local time."""
    master = next((each.pid for each in state.processes if each.name.lower() == "nginx"), 2400)
    at = state.clock(now).astimezone(ZoneInfo(state.zone))
    return f"{at:%Y/%m/%d %H:%M:%S} [{level}] {master}#{master + 8}: {words}\n"


@dataclass
class _Reader:
    """What was read of a configuration by now. Includes are relative to `folder`."""

    state: "WindowsState"
    folder: PureWindowsPath
    listens: list[str] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)

    def read(self, path: PureWindowsPath) -> None:
        where = path.as_posix()
        if path not in self.state.files:
            raise NotLoaded(f'CreateFile() "{where}" failed ({NO_FILE})')
        words, around, last = list[Token](), list[str](), Token("", 1)
        for last in split(self.state.bytes_of(path).decode("utf-8", "surrogateescape"), where):
            if last.quoted or last.lua or last.text not in (";", "{", "}"):
                words.append(last)
            elif last.text == "}":
                if words or not around:
                    raise NotLoaded(f'unexpected "}}" in {where}:{last.line}')
                around.pop()
            elif not words:
                raise NotLoaded(f'unexpected "{last.text}" in {where}:{last.line}')
            else:
                around += [words[0].text] if last.text == "{" else []
                self._take(words, around, where)
                words = []
            if last.lua:
                self._take(words, around, where)
                words = []
        if words or around:
            raise NotLoaded(f"unexpected end of file, expecting {_wanted(words)} in {where}:{last.line}")

    def _take(self, words: list[Token], around: list[str], where: str) -> None:
        """Take one directive; within `types` and `map` any word is one."""
        name, values, at = words[0].text, [word.text for word in words[1:]], f"{where}:{words[0].line}"
        if name not in DIRECTIVES and not name.endswith("_temp_path") and around[-1:] not in (["types"], ["map"]):
            raise NotLoaded(f'unknown directive "{name}" in {at}')
        if name in ONE_VALUE and len(values) != 1:
            raise NotLoaded(f'invalid number of arguments in "{name}" directive in {at}')
        match name:
            case "listen":
                self.listens.append(values[0])
            case "init_worker_by_lua_block":
                self.blocks.append(values[-1])
            case "include":
                for path in self._find_included(values[0], at):
                    self.read(path)

    def _find_included(self, name: str, at: str) -> list[PureWindowsPath]:
        path, files = self.folder / name, self.state.files
        if "*" in path.name:
            return sorted(file for file in files if file.parent == path.parent and fnmatch(file.name, path.name))
        if path not in files:
            raise NotLoaded(f'CreateFile() "{path.as_posix()}" failed ({NO_FILE}) in {at}')
        return [path]


def _wanted(words: list[Token]) -> str:
    return '";" or "}"' if words else '"}"'


_TOKEN = re.compile(r"""(?P<space>\s+)|(?P<comment>\#[^\n]*)|(?P<sign>[;{}])|"(?P<double>(?:\\.|[^"\\])*)"|"""
                    r"""'(?P<single>(?:\\.|[^'\\])*)'|(?P<word>[^\s;{}]+)""", re.DOTALL)  # fmt: skip


def split(text: str, where: str) -> Iterator[Token]:
    """The tokens of a configuration; `NotLoaded` where its text ends too early."""
    place, line, last = 0, 1, ""
    while place < len(text):
        if text[place] == "{" and last.endswith("_by_lua_block"):
            end = _find_end(text, place, f"{where}:{line}")
            yield Token(text[place + 1 : end - 1], line, lua=True)
            line, place, last = line + text.count("\n", place, end), end, ""
            continue
        found = _TOKEN.match(text, place)
        if found is None:
            raise NotLoaded(f'unexpected end of file, expecting "}}" in {where}:{line}')
        if found.lastgroup not in ("space", "comment"):
            assert found.lastgroup is not None
            last = found[found.lastgroup]
            yield Token(last, line, quoted=found.lastgroup in ("double", "single"))
        line, place = line + found[0].count("\n"), found.end()


_LUA = re.compile(
    r"--\[\[.*?\]\]|--[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|\[\[.*?\]\]|[{}()]|[^-\"'\[{}()]+|.", re.DOTALL
)


def _find_end(text: str, place: int, where: str) -> int:
    """The place behind the brace that ends a Lua block."""
    depth = 0
    for found in _LUA.finditer(text, place):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if not depth:
            return found.end()
    raise NotLoaded(f"Lua code block missing the closing long bracket in {where}")


def _start_lua(blocks: list[str], listens: tuple[str, ...]) -> Loaded:
    """Run the blocks that start a worker: the last `sync.configure` counts, an error ends them all."""
    code = "".join(found[0] for block in blocks for found in _LUA.finditer(block) if not found[0].startswith("--"))
    calls = re.findall(r"sync\.configure\(\s*\{(.*?)\}\s*\)", code, re.DOTALL)
    host_id = re.search(r"\bhost_id\s*=\s*(\d+)", calls[-1]) if calls else None
    peers = re.search(r"\bpeers\s*=\s*\{(.*?)\}", calls[-1], re.DOTALL) if calls else None
    signs = [found[0] for found in _LUA.finditer(code) if found[0] in ("(", ")")]
    if host_id is None or "error(" in code or signs.count("(") != signs.count(")"):
        return Loaded(None, (), False, listens)
    named = re.findall(r"[\"'](.*?)[\"']", peers[1]) if peers is not None else []
    return Loaded(int(host_id[1]), tuple(named), True, listens)
