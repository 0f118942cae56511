"""The nginx of a lab host: its configuration lies on the Windows disk, and its workers answer as the gateway."""

import re
from datetime import datetime
from pathlib import PureWindowsPath

from tests.lab.gateway.state import GatewayState, Lua, ReloadFault
from tests.lab.windows.guard import GuardFailed, Reloaded
from tests.lab.windows.nginx import PATHS, Loaded, NotLoaded, find_unbound, format_line, load
from tests.lab.windows.state import WindowsState


class Nginx:
    """Loads nginx.conf when it starts or reloads, as the real one does.

    What a test has turned by hand stays where the same configuration is loaded again.
    """

    def __init__(self, windows: WindowsState, gateway: GatewayState) -> None:
        self._gateway = gateway
        self._loaded: Loaded | None = _find_loaded(windows)
        windows.on_nginx_start.append(self._started)
        windows.on_nginx_reload.append(self._reloaded)
        windows.on_handover.append(self._hand_over)

    def _started(self, state: WindowsState, now: datetime) -> None:
        """nginx starts, or does not: then its service falls back to Stopped."""
        try:
            loaded = load(state, PATHS.gateway_config)
        except NotLoaded as failed:
            raise GuardFailed(f"nginx: [emerg] {failed}") from failed
        if unbound := find_unbound(state, loaded):
            _log(state, now, "emerg", unbound)
            raise GuardFailed(f"nginx: [emerg] {unbound}")
        for path in map(PureWindowsPath, (PATHS.access_log, PATHS.error_log)):
            if path not in state.files:
                state.write(path, "", now)
        self._use(loaded, ReloadFault.NONE)
        self._hand_over()

    def _hand_over(self) -> None:
        """The workers from before have ended."""
        self._gateway.old = None

    def _reloaded(self, state: WindowsState, now: datetime) -> Reloaded:
        """nginx is told to reload. The call itself reads the configuration, too, so that it fails where that is broken."""
        try:
            loaded = load(state, PATHS.gateway_config)
        except NotLoaded as failed:
            return Reloaded(f"nginx: [emerg] {failed}", renewed=False)
        fault = self._gateway.reloads.pop(0) if self._gateway.reloads else ReloadFault.NONE
        _log(state, now, "notice", "reconfiguring")
        unbound = find_unbound(state, loaded)
        if unbound or fault is ReloadFault.REFUSED:
            _log(state, now, "emerg", unbound or "VirtualAlloc(65536) failed (1455: The paging file is too small)")
            return Reloaded(renewed=False)
        self._use(loaded, fault)
        if self._gateway.lua is Lua.INIT_FAILED:
            _log(
                state,
                now,
                "error",
                "init_worker_by_lua error: init_worker_by_lua(nginx.conf:16):3: attempt to call a nil value",
            )
        return Reloaded(old_stay=fault is ReloadFault.STALE)

    def _use(self, loaded: Loaded, fault: ReloadFault) -> None:
        kept, self._loaded = loaded == self._loaded, loaded
        gateway = self._gateway
        if fault is ReloadFault.LUA_DIES:
            self._loaded = None
            gateway.renew(gateway.host_id, gateway.peers, Lua.INIT_FAILED)
        elif kept:
            gateway.renew(gateway.host_id, gateway.peers, gateway.lua)
        elif loaded.host_id is None:
            gateway.renew(gateway.host_id, (), Lua.INIT_FAILED)
        else:
            gateway.renew(loaded.host_id, loaded.peers, Lua.WORKS)
            gateway.gateways |= {str(number): f"10.100.{number}.1" for number in map(_find_id, loaded.peers) if number}


def _find_id(peer: str) -> int:
    """The host's id in the URL of a peer; 0 where it has none."""
    found = re.fullmatch(r"http://10\.100\.(\d{1,3})\.1:8080", peer)
    return int(found[1]) if found is not None else 0


def _find_loaded(state: WindowsState) -> Loaded | None:
    """What runs, where a configuration lies there already."""
    return load(state, PATHS.gateway_config) if PureWindowsPath(PATHS.gateway_config) in state.files else None


def _log(state: WindowsState, now: datetime, level: str, words: str) -> None:
    path = PureWindowsPath(PATHS.error_log)
    if path in state.files:
        state.append(path, format_line(state, now, level, words), now)
