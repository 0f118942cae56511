"""A real nginx with Lua that answers three requests and ends: what it logs is what OpenResty logs on Windows."""

from dataclasses import dataclass
from pathlib import Path

from tests.fleet.space import Space

MODULES = "/usr/lib/nginx/modules"

FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
"""nginx's temporary folders, each of which it makes at its start."""

CONFIGURATION = """
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_lua_module.so;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{}}
http {{
    access_log {folder}/access.log combined;
    {temporary}
    server {{
        listen 127.0.0.1:8080;
        location = /good {{ content_by_lua_block {{ ngx.say("good") }} }}
        location = /broken {{ content_by_lua_block {{ local containers = nil; ngx.say(containers.count) }} }}
    }}
}}
"""

REQUESTS = """
nginx -e {folder}/error.log -c {folder}/nginx.conf
for path in good broken absent; do busybox wget -q -O /dev/null http://127.0.0.1:8080/$path || :; done
nginx -e {folder}/error.log -c {folder}/nginx.conf -s quit
while [ -e {folder}/nginx.pid ]; do sleep 0.1; done
"""


@dataclass(frozen=True)
class GatewayLogs:
    """The texts of both logs."""

    access: str
    error: str


def log_requests(space: Space, folder: Path) -> GatewayLogs:
    """Runs nginx on the space's loopback for a good request, one whose Lua code fails, and one for a page that is absent."""
    folder.mkdir()
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in FOLDERS)
    text = CONFIGURATION.format(modules=MODULES, folder=folder, temporary=temporary)
    (folder / "nginx.conf").write_text(text)
    space.run("sh", "-euc", f"ip link set lo up; {REQUESTS.format(folder=folder)}")
    return GatewayLogs((folder / "access.log").read_text(), (folder / "error.log").read_text())
