"""Twins of the scripts that read, make, sign, stage and prove Nebula's certificates."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import PureWindowsPath
from typing import Any

from adapters.nebula.certificates import parse_print_output
from tests.lab.windows import nebula, nebula_cert
from tests.lab.windows.nebula_cert_usage import find_edition
from tests.lab.windows.state import Program, WindowsState
from tests.lab.windows.twin import ScriptError, Twin, fail, round_trip

PEM_LIMIT = 64_000
TAIL_LIMIT = 512_000
NEWEST_LIMIT = 8_000_000
LINES_LIMIT = 300
LINE_LIMIT = 2_000
RECEIVED = "Handshake message received"
BLOCKED = "Blocklisting cert"
REFUSED = "Invalid certificate from host"
OUR_FOLDER = r"op-[0-9a-f]{12}"
KEY_HIDDEN = r"[A-Za-z0-9+/]{43,}="
PUBLIC = re.compile(
    r"-----BEGIN NEBULA X25519 PUBLIC KEY-----\s+[A-Za-z0-9+/]{43}=\s+-----END NEBULA X25519 PUBLIC KEY-----\s*"
)
PRIVATE = re.compile(PUBLIC.pattern.replace("PUBLIC", "PRIVATE"))


def _read_certificates(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    entries = nebula.pki_entries(state.files.get(PureWindowsPath(arguments["config"]), ""))
    key, ca_key = PureWindowsPath(arguments["key"]), PureWindowsPath(arguments["ca_key"])
    matches, words = _matches(state, arguments["nebula_exe"], arguments["config"], now)
    return {
        "certificate": _without_keys(_text(state, arguments["certificate"])),
        "printed": _printed(state, arguments["nebula_cert_exe"], arguments["certificate"], now),
        "ca": _without_keys(_text(state, arguments["ca"])),
        "ca_printed": _printed(state, arguments["nebula_cert_exe"], arguments["ca"], now),
        "configured_certificate": entries["cert"].value if "cert" in entries else "",
        "configured_key": entries["key"].value if "key" in entries else "",
        "configured_ca": entries["ca"].value if "ca" in entries else "",
        "key_present": key in state.files,
        "readers": list(state.readers.get(key, ())) if key in state.files else [],
        "key_matches": matches,
        "test_says": words,
        "written_at": _written_at(state, arguments["certificate"]),
        "ca_written_at": _written_at(state, arguments["ca"]),
        "running_since": read_start(state, arguments["service"], arguments["nebula_exe"]),
        "ca_key": ca_key in state.files,
        "ca_key_encrypted": " ENCRYPTED " in state.files.get(ca_key, ""),
        "clock": round_trip(state.clock(now)),
        "handshakes": _newest_of_each(_lines(_bytes(state, arguments["log"])[-TAIL_LIMIT:])),
    }


def _text(state: WindowsState, path: str) -> str:
    return state.files.get(PureWindowsPath(path), "").encode()[:PEM_LIMIT].decode("utf-8", "replace")


def _written_at(state: WindowsState, path: str) -> str | None:
    file = PureWindowsPath(path)
    return round_trip(state.written_at(file)) if file in state.files else None


def _without_keys(text: str) -> str:
    """A certificate's file in which a private key stands, too, is read without it."""
    return re.sub(r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", "", text)


def _printed(state: WindowsState, program: str, path: str, now: datetime) -> str:
    try:
        printed = run_nebula_cert(state, program, now, "print", "-json", "-path", path)
    except ScriptError:
        return ""
    return printed.stdout.rstrip() if printed.code == 0 else ""


def _matches(state: WindowsState, program: str, config: str, now: datetime) -> tuple[bool | None, str]:
    """Whether `nebula -test` takes a configuration, and what it says; None where it cannot be asked."""
    if PureWindowsPath(config) not in state.files:
        return None, ""
    try:
        words = _tested(state, program, config, now)
    except ScriptError:
        return None, ""
    return not words, words


def _tested(state: WindowsState, program: str, config: str, now: datetime) -> str:
    """What `nebula -test` complains of; "" where it does not."""
    edition = find_edition(start_program(state, program).prints)
    try:
        nebula.load(lambda path: state.files.get(PureWindowsPath(path)), config, state.clock(now), edition)
    except nebula.NotLoaded as failed:
        return last_words(nebula.says(failed, state.clock(now)))
    return ""


def read_start(state: WindowsState, service: str, program: str) -> str | None:
    """When Nebula's own process began; its service may be a wrapper that starts it anew by itself."""
    found = state.service(service)
    if (found is not None and found.status == "Stopped") or state.program(program) is None:
        return None
    name = PureWindowsPath(program).stem.lower()
    begun = [process.started_at for process in state.processes if process.name.lower() == name and process.started_at]
    return round_trip(min(begun)) if begun else None


def _make_key_pair(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder = PureWindowsPath(arguments["folder"])
    key, public = folder / "host.key", folder / "host.pub"
    open_folder(state, folder)
    paired = PRIVATE.fullmatch(state.files.get(key, "")) and PUBLIC.fullmatch(state.files.get(public, ""))
    if paired and not state.readers.get(key):
        return {"public_key": state.files[public], "changed": False}
    state.files.pop(key, None)
    state.files.pop(public, None)
    made = run_nebula_cert(state, arguments["nebula_cert_exe"], now, "keygen", "-out-key", str(key), "-out-pub", str(public))
    if made.code:
        raise fail("KeygenFailed", f"nebula-cert keygen: {last_words(made.stderr)}")
    if readers := state.readers.get(key):
        del state.files[key]
        words = "others than SYSTEM and Administrators could read the new key, so it was deleted: "
        raise fail("KeyNotSafe", words + ", ".join(readers))
    return {"public_key": state.files[public], "changed": True}


def _sign_certificate(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder = PureWindowsPath(arguments["folder"])
    public, certificate, own = folder / "host.pub", folder / "host.crt", folder / "signer.crt"
    block, ends = _signer(arguments, state, now)
    open_folder(state, folder)
    same = state.files.get(public, "").strip() == arguments["public_key"].strip()
    if same and state.files.get(certificate, "").rstrip().endswith("-----"):
        return {"certificate": state.files[certificate], "ca": block, "changed": False}
    state.files.pop(certificate, None)
    state.write(own, block + "\n", now)
    state.write(public, arguments["public_key"], now)
    given = ["-ca-crt", str(own), "-ca-key", arguments["ca_key"], "-in-pub", str(public), "-out-crt", str(certificate)]
    given += ["-name", arguments["name"], "-groups", ",".join(arguments["groups"]), *_networks(arguments["networks"])]
    if arguments["unsafe_networks"]:
        given += ["-subnets", ",".join(arguments["unsafe_networks"])]
    if state.clock(now) + timedelta(hours=arguments["lifetime"]) < ends - timedelta(minutes=1):
        given += ["-duration", f"{arguments['lifetime']}h"]
    signed = run_nebula_cert(state, arguments["nebula_cert_exe"], now, "sign", *given)
    if signed.code:
        state.files.pop(certificate, None)
        raise fail(_sign_code(signed.stderr), f"nebula-cert sign: {last_words(signed.stderr)}")
    return {"certificate": state.files[certificate], "ca": block, "changed": True}


def _networks(networks: list[str]) -> list[str]:
    return ["-ip", networks[0]] if len(networks) == 1 else ["-networks", ",".join(networks)]


def _signer(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> tuple[str, datetime]:
    """The block of the wanted CA in its file, and when it ends."""
    key = state.files.get(PureWindowsPath(arguments["ca_key"]))
    if key is None:
        raise fail("CaKeyMissing", f"there is no CA key {arguments['ca_key']}")
    if " ENCRYPTED " in key:
        raise fail("CaKeyEncrypted", f"the CA key {arguments['ca_key']} is encrypted; only a person can sign with it")
    file = arguments["ca_certificate"]
    found = find_block(state, arguments["nebula_cert_exe"], file, arguments["ca_fingerprint"], now)
    if found is None:
        raise fail("CaDiffers", f"{file} does not hold the CA {arguments['ca_fingerprint']}")
    if found[1] <= state.clock(now):
        raise fail("CaExpired", f"the CA has expired on {round_trip(found[1])}")
    return found


def find_block(state: WindowsState, program: str, file: str, fingerprint: str, now: datetime) -> tuple[str, datetime] | None:
    """A CA's own block of a file, and when it ends."""
    text = state.files.get(PureWindowsPath(file), "")
    printed = run_nebula_cert(state, program, now, "print", "-json", "-path", file)
    certificates = parse_print_output(printed.stdout) if printed.code == 0 else ()
    blocks = re.findall(r"(?s)-----BEGIN NEBULA CERTIFICATE(?: V2)?-----.*?-----END NEBULA CERTIFICATE(?: V2)?-----", text)
    pairs = zip(certificates, blocks, strict=False)
    return next(((block, each.not_after) for each, block in pairs if each.fingerprint == fingerprint), None)


def _sign_code(stderr: str) -> str:
    """nebula-cert has one exit code for all: its words are the only sign."""
    if "certificate is expired" in stderr:
        return "CaExpired"
    if "encrypted" in stderr:
        return "CaKeyEncrypted"
    if "does not match private key" in stderr:
        return "CaDiffers"
    if "not enough space on the disk" in stderr or "no space left" in stderr:
        return "DiskFull"
    return "SignFailed"


def _stage_certificate(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder = PureWindowsPath(arguments["folder"])
    key, certificate = folder / "host.key", folder / "host.crt"
    if key not in state.files:
        raise fail("KeyMissing", f"there is no key {key}; it must be made first")
    text = replace_pki(arguments["config"], state, {"ca": arguments["ca"], "cert": str(certificate), "key": str(key)})
    open_folder(state, folder)
    changed = state.files.get(certificate) != arguments["certificate"]
    if changed:
        state.write(certificate, arguments["certificate"], now)
    if words := complain_of_signature(state, arguments["nebula_cert_exe"], arguments["ca"], certificate, now):
        raise fail("NotVerified", f"nebula-cert verify: {words}")
    if words := complain_of_configuration(state, arguments["nebula_exe"], folder, text, now):
        raise fail("NotTaken", f"nebula -test: {words}")
    return {"certificate_file": str(certificate), "key_file": str(key), "changed": changed}


def replace_pki(path: str, state: WindowsState, new: Mapping[str, str]) -> str:
    """The live configuration with new files in place of old ones: `ca`, `cert`, `key`."""
    config = state.files.get(PureWindowsPath(path))
    if config is None:
        raise fail("ConfigMissing", f"there is no configuration {path}")
    entries = nebula.pki_entries(config)
    lines = config.split("\n")
    for name, file in new.items():
        entry = entries.get(name)
        if entry is None or entry.value == "inline":
            raise fail("ConfigNotKnown", f"{path} does not name pki.{name} as a path on a line of its own")
        quoted = file.replace("'", "''")
        lines[entry.line] = f"{entry.indent}{name}: '{quoted}'"
    return "\n".join(lines)


def complain_of_configuration(state: WindowsState, program: str, folder: PureWindowsPath, text: str, now: datetime) -> str:
    """Why Nebula refuses a configuration; "" where it does not."""
    copy = folder / "config.yaml"
    state.files[copy] = text
    try:
        return _tested(state, program, str(copy), now)
    finally:
        state.remove(copy)


def complain_of_signature(
    state: WindowsState, program: str, bundle: str, certificate: PureWindowsPath, now: datetime
) -> str:
    """Why a certificate is not one of a CA in a file; "" where it is. Another one that has expired is no reason."""
    printed = run_nebula_cert(state, program, now, "print", "-json", "-path", str(certificate))
    issuer = parse_print_output(printed.stdout)[0].issuer if printed.code == 0 else ""
    found = find_block(state, program, bundle, issuer, now)
    if found is None:
        return "could not find ca for the certificate"
    own = certificate.parent / "trial.ca"
    state.write(own, found[0] + "\n", now)
    verified = run_nebula_cert(state, program, now, "verify", "-ca", str(own), "-crt", str(certificate))
    state.remove(own)
    return last_words(verified.stderr) if verified.code else ""


def _forget_folder(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder = PureWindowsPath(arguments["folder"])
    require_ours(folder)
    for name, change in sorted(state.changes.items()):
        if name.startswith(folder.name) and change.state in ("applying", "applied", "reverting", "stuck"):
            raise fail("ChangeNotEnded", f"the change of {name} is {change.state}, and the old files lie in {folder}")
    inside = [path for path in state.files if folder in path.parents]
    for path in inside:
        del state.files[path]
        state.written.pop(path, None)
    return {"changed": bool(inside)}


def require_ours(folder: PureWindowsPath) -> None:
    """Refuse a folder that is not an operation's."""
    if folder.parent.name != "operations" or not re.fullmatch(OUR_FOLDER, folder.name):
        raise fail("NotOurs", f"{folder} is not the folder of an operation")


def _note_position(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    return {"position": len(_bytes(state, arguments["log"]))}


def _find_handshake(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    wanted = (arguments["name"], arguments["fingerprint"])
    lines = _lines_beyond(arguments, state, RECEIVED)
    return {"lines": [line for line in lines if all(word in line for word in wanted)][-20:]}


def _find_refusals(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    lines = list(_lines_beyond(arguments, state, REFUSED))
    found = [line for line in lines if not any(text in line for text in arguments["expected"])]
    every = list(_lines(_bytes(state, arguments["log"])[-NEWEST_LIMIT:], REFUSED))
    earlier = every[: max(0, len(every) - len(lines))]
    return {"lines": found[-arguments["most"] :], "earlier": earlier[-arguments["most"] :]}


def _find_blocklist(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    read = list(_lines_beyond(arguments, state, BLOCKED))
    found = [[line for line in read if fingerprint in line][-1:] for fingerprint in arguments["fingerprints"]]
    wanted = (arguments["reason"], *arguments["fingerprints"])
    refused = [line for line in _lines_beyond(arguments, state, REFUSED) if any(each in line for each in wanted)]
    return {"listed": [line for lines in found for line in lines], "refused": refused[-arguments["most"] :]}


def _lines_beyond(arguments: Mapping[str, Any], state: WindowsState, message: str) -> Iterator[str]:
    after, log = arguments["after"], _bytes(state, arguments["log"])
    parts = [log[after:]]
    if len(log) < after:
        parts = [_rotated(state, PureWindowsPath(arguments["log"]))[after:], log]
    for part in parts:
        yield from _lines(part[-NEWEST_LIMIT:], message)


def _rotated(state: WindowsState, log: PureWindowsPath) -> bytes:
    """The newest log that was put aside: beside it, with more in its name."""
    beside = [
        path
        for path in state.files
        if path.parent == log.parent
        and path != log
        and path.name.lower().startswith(log.stem.lower())
        and path.suffix.lower() == log.suffix.lower()
    ]
    newest = max(beside, key=state.written_at, default=None)
    return b"" if newest is None else state.files[newest].encode()


def _reach_address(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    return {"reachable": state.reach(arguments["address"])}


def _bytes(state: WindowsState, path: str) -> bytes:
    return state.files.get(PureWindowsPath(path), "").encode()


def _lines(log: bytes, message: str = RECEIVED) -> Iterator[str]:
    """Lines of a log with a message in them."""
    for line in re.split(r"\r\n|\r|\n", log.decode("utf-8", "replace")):
        if message in line and len(line) <= LINE_LIMIT:
            yield line


def _newest_of_each(lines: Iterator[str]) -> list[str]:
    newest: dict[str, str] = {}
    for line in lines:
        name = re.search(r'certName"?[=:]("[^"]*"|[^\s",]+)', line)
        if name is not None:
            newest.pop(name[1], None)
            newest[name[1]] = line
    return list(newest.values())[-LINES_LIMIT:]


def run_nebula_cert(state: WindowsState, program: str, now: datetime, *arguments: str) -> nebula_cert.Completed:
    """Run nebula-cert on the host's files."""
    version = start_program(state, program).prints.removeprefix("Version: ")
    before = set(state.files)
    done = nebula_cert.run(arguments, state.files, state.clock(now), version)
    for path in set(state.files) - before:
        state.written[path] = state.clock(now)
    return done


def start_program(state: WindowsState, path: str) -> Program:
    """The program at a path; fails as one fails that cannot be run."""
    match state.program(path):
        case None:
            raise fail("ProgramMissing", f"there is no program {path}")
        case program if program.condition == "broken":
            raise fail("ProgramBroken", f"{path} cannot be run")
        case program if program.condition == "hanging":
            raise fail("ProgramHangs", f"{path} does not end")
        case program:
            return program


def open_folder(state: WindowsState, folder: PureWindowsPath) -> None:
    """Open the folder of an operation, as its scripts do."""
    if state.disk_full:
        raise fail("DiskFull", f"less than 1 MB is free on {folder.drive}")
    if not any(folder in path.parents for path in state.files):
        state.readers.pop(folder, None)
    if state.readers.get(folder):
        raise fail("FolderNotSafe", f"others than SYSTEM and Administrators can enter {folder}; look at it, then remove it")


def last_words(text: str) -> str:
    """Why a program failed: what the line says that says Error, or error="...", or the last one; never with a key in it."""
    lines = [line for line in re.split(r"\r?\n", text) if line.strip() and "PRIVATE KEY" not in line]
    errors = [line for line in lines if line.startswith("Error: ")]
    line = ["it gave no reason", *lines, *errors][-1].strip().removeprefix("Error: ")
    said = re.search(r'error"?[=:]"((?:[^"\\]|\\.)*)"', line)
    return re.sub(KEY_HIDDEN, "...", said[1] if said else line)[:500]


TWINS: Mapping[str, Twin] = {
    "read-certificates": _read_certificates,
    "make-key-pair": _make_key_pair,
    "sign-certificate": _sign_certificate,
    "stage-certificate": _stage_certificate,
    "forget-folder": _forget_folder,
    "note-position": _note_position,
    "find-handshake": _find_handshake,
    "find-refusals": _find_refusals,
    "find-blocklist": _find_blocklist,
    "reach-address": _reach_address,
}
