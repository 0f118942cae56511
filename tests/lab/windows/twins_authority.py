"""Twins of the scripts that make, try, install and wipe a CA, and that read what a file of CAs is worth."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows.nebula_cert import Completed
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import Twin, fail, hash_content, round_trip
from tests.lab.windows.twins_nebula import (
    complain_of_configuration,
    complain_of_signature,
    find_block,
    last_words,
    open_folder,
    read_start,
    replace_pki,
    require_ours,
    run_nebula_cert,
)

CA_KEY = re.compile(r"-----BEGIN NEBULA (ED25519|ECDSA P256) PRIVATE KEY-----\s[^-]*-----END NEBULA \1 PRIVATE KEY-----\s*")


def _require_home(folder: PureWindowsPath) -> None:
    if folder.parent.name != "authorities" or not re.fullmatch(r"op-[0-9a-f]{12}", folder.name):
        raise fail("NotOurs", f"{folder} is not the folder of a CA")


def _make_authority(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder = PureWindowsPath(arguments["folder"])
    key, certificate = folder / "ca.key", folder / "ca.crt"
    _require_home(folder)
    newer = _is_newer(arguments, state, now)
    open_folder(state, folder)
    whole = state.files.get(certificate, "").rstrip().endswith("-----")
    if whole and CA_KEY.fullmatch(state.files.get(key, "")) and not state.readers.get(key):
        return {"certificate": state.files[certificate], "changed": False}
    state.remove(key)
    state.remove(certificate)
    given = ["-name", arguments["name"], "-duration", f"{arguments['seconds']}s", "-curve", arguments["curve"]]
    given += ["-out-key", str(key), "-out-crt", str(certificate)]
    given += ["-version", str(arguments["version"])] if newer else []
    flags = ("-groups", "-networks", "-unsafe-networks") if newer else ("-groups", "-ips", "-subnets")
    for flag, name in zip(flags, ("groups", "networks", "unsafe_networks"), strict=True):
        given += [flag, ",".join(arguments[name])] if arguments[name] else []
    made = run_nebula_cert(state, arguments["nebula_cert_exe"], now, "ca", *given)
    if made.code:
        state.remove(key)
        state.remove(certificate)
        raise fail(_full_or(made, "CaFailed"), f"nebula-cert ca: {last_words(made.stderr)}")
    if readers := state.readers.get(key):
        state.remove(key)
        words = "others than SYSTEM and Administrators could read the new key, so it was deleted: "
        raise fail("KeyNotSafe", words + ", ".join(readers))
    return {"certificate": state.files[certificate], "changed": True}


def _is_newer(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> bool:
    program = arguments["nebula_cert_exe"]
    said = run_nebula_cert(state, program, now, "-version")
    version = re.search(r"Version: (\d+)\.(\d+)", f"{said.stdout}\n{said.stderr}")
    if version is None:
        raise fail("VersionUnknown", f"{program} does not tell its version")
    newer = (int(version[1]), int(version[2])) >= (1, 10)
    if arguments["version"] != 1 and not newer:
        raise fail("VersionUnknown", f"{program} is too old for certificates of version {arguments['version']}")
    return newer


def _full_or(done: Completed, code: str) -> str:
    full = "not enough space" in done.stderr or "no space left" in done.stderr
    return "DiskFull" if full else code


def _sign_canary(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder = PureWindowsPath(arguments["folder"])
    key, own, certificate = folder / "ca.key", folder / "ca.crt", folder / "canary.crt"
    _require_home(folder)
    if not CA_KEY.fullmatch(state.files.get(key, "")):
        raise fail("CaKeyMissing", f"there is no CA key {key}")
    open_folder(state, folder)
    state.remove(folder / "canary.key")
    changed = not state.files.get(certificate, "").rstrip().endswith("-----")
    if changed:
        state.remove(certificate)
        _sign_unheld(arguments, state, now, key, own, "canary")
    return {"certificate": state.files[certificate], "ca": state.files[own], "changed": changed}


def _sign_unheld(
    arguments: Mapping[str, Any],
    state: WindowsState,
    now: datetime,
    key: PureWindowsPath,
    own: PureWindowsPath,
    name: str,
) -> PureWindowsPath:
    """Sign for a key pair of which the private half is discarded first."""
    folder, program = PureWindowsPath(arguments["folder"]), arguments["nebula_cert_exe"]
    who = ["-name", name, "-ip", arguments["network"]]
    private, public, signed = (folder / f"{name}.{end}" for end in ("key", "pub", "crt"))
    made = ["-curve", arguments["curve"], "-out-key", str(private), "-out-pub", str(public)]
    done = run_nebula_cert(state, program, now, "keygen", *made)
    state.remove(private)
    if not done.code:
        given = ["-ca-crt", str(own), "-ca-key", str(key), "-in-pub", str(public), "-out-crt", str(signed)]
        done = run_nebula_cert(state, program, now, "sign", *given, *who)
    state.remove(public)
    if done.code:
        state.remove(signed)
        raise fail(_full_or(done, "SignFailed"), f"nebula-cert: {last_words(done.stderr)}")
    return signed


def _install_authority(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder, place = PureWindowsPath(arguments["folder"]), PureWindowsPath(arguments["ca_key"])
    new, own, old = folder / "ca.key", folder / "ca.crt", PureWindowsPath(f"{place}.old")
    _require_home(folder)
    found = find_block(state, arguments["nebula_cert_exe"], arguments["ca"], arguments["fingerprint"], now)
    if found is None:
        raise fail("CaDiffers", f"{arguments['ca']} does not hold the CA {arguments['fingerprint']}")
    waits = new in state.files
    key = new if waits else place
    if not CA_KEY.fullmatch(state.files.get(key, "")):
        raise fail("CaKeyMissing", f"there is no CA key {key}")
    open_folder(state, folder)
    state.write(own, found[0] + "\n", now)
    state.remove(_sign_unheld(arguments, state, now, key, own, "trial"))
    if waits:
        if place in state.files:
            state.rename(place, old)
        state.rename(new, place)
    state.readers.pop(place, None)
    wiped = old in state.files
    state.remove(old)
    return {"changed": waits or wiped}


def _wipe_authority(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder = PureWindowsPath(arguments["folder"])
    _require_home(folder)
    inside = [path for path in state.files if folder in path.parents]
    for path in inside:
        state.remove(path)
    return {"changed": bool(inside)}


def _read_trust(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder, file = PureWindowsPath(arguments["folder"]), PureWindowsPath(arguments["file"])
    require_ours(folder)
    if file not in state.files:
        raise fail("FileMissing", f"there is no file {file}")
    content = state.bytes_of(file)
    if len(content) > arguments["limit"]:
        raise fail("FileTooLarge", f"{file} has {len(content)} bytes, more than {arguments['limit']}")
    text = replace_pki(arguments["config"], state, {"ca": str(file)})
    open_folder(state, folder)
    trial = folder / "trial.crt"
    state.write(trial, arguments["certificate"], now)
    distrust = complain_of_signature(state, arguments["nebula_cert_exe"], str(file), trial, now)
    state.remove(trial)
    refusal = complain_of_configuration(state, arguments["nebula_exe"], folder, text, now)
    return {
        "sha256": hash_content(content),
        "verified": not distrust,
        "accepted": not refusal,
        "says": "; ".join(each for each in (refusal, distrust) if each),
        "written_at": round_trip(state.written_at(file)),
        "running_since": read_start(state, arguments["service"], arguments["nebula_exe"]),
    }


TWINS: Mapping[str, Twin] = {
    "make-authority": _make_authority,
    "sign-canary": _sign_canary,
    "install-authority": _install_authority,
    "wipe-authority": _wipe_authority,
    "read-trust": _read_trust,
}
