"""Twins of the scripts of the encrypted copy of a CA key."""

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options

from adapters.key_backup import CERTIFICATE_FILE, KEY_FILE, KEY_FILES, MANIFEST_FILE
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import Twin, fail, hash_content
from tests.lab.windows.twins_nebula import last_words, open_folder, run_nebula_cert

OUR_FOLDER = r"[a-z0-9][a-z0-9-]{0,63}-[0-9a-f]{12}"


def _protect_key(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder, key = _find_folder(arguments), PureWindowsPath(arguments["ca_key"])
    made = re.search(r'"at":"([0-9TZ:-]{20})"', state.files.get(folder / MANIFEST_FILE, ""))
    if made is not None:
        return _describe(state, folder, made[1], changed=False)
    if key not in state.files:
        raise fail("CaKeyMissing", f"there is no CA key {key}")
    if " ENCRYPTED " in state.files[key]:
        raise fail("CaKeyEncrypted", f"the CA key {key} is encrypted, so the file itself is the backup")
    open_folder(state, folder)
    state.write(folder / CERTIFICATE_FILE, arguments["certificate"].strip() + "\n", now)
    _require_pair(arguments, state, folder, now)
    state.write(folder / KEY_FILE, encrypt(state.bytes_of(key), arguments["recipients"]), now)
    at = f"{state.clock(now):%Y-%m-%dT%H:%M:%SZ}"
    manifest = {
        "format": 1,
        **{name: arguments[name] for name in ("id", "host", "operation")},
        "at": at,
        "authority": arguments["fingerprint"],
        "recipients": [{"name": each["name"], "sha256": each["sha256"]} for each in arguments["recipients"]],
        "files": [_describe_file(state, folder, name) for name in (KEY_FILE, CERTIFICATE_FILE)],
    }
    text = json.dumps(manifest, separators=(",", ":"), ensure_ascii=False)
    state.write(folder / MANIFEST_FILE, f"{text}\n", now)
    return _describe(state, folder, at, changed=True)


def _require_pair(arguments: Mapping[str, Any], state: WindowsState, folder: PureWindowsPath, now: datetime) -> None:
    """Have nebula-cert compare key and CA: it does so before it looks for the public key, of which there is none."""
    given = ["-ca-crt", str(folder / CERTIFICATE_FILE), "-ca-key", arguments["ca_key"]]
    given += ["-in-pub", str(folder / "no-such-key.pub"), "-out-crt", str(folder / "no-such.crt")]
    ended = run_nebula_cert(
        state, arguments["nebula_cert_exe"], now, "sign", *given, "-name", "none", "-ip", "10.100.0.1/16"
    )
    words = last_words(ended.stderr)
    if "does not match private key" in words:
        raise fail("CaDiffers", f"the key {arguments['ca_key']} does not belong to the CA")
    if not re.search("reading in-pub|certificate is expired", words):
        raise fail("CaKeyUnreadable", f"nebula-cert: {words}")


def encrypt(content: bytes, recipients: list[Mapping[str, str]]) -> str:
    """The CMS message of a content, as PEM."""
    builder = PKCS7EnvelopeBuilder().set_data(content).set_content_encryption_algorithm(AES256)
    for each in recipients:
        builder = builder.add_recipient(x509.load_der_x509_certificate(base64.b64decode(each["certificate"])))
    text = base64.b64encode(builder.encrypt(Encoding.DER, [PKCS7Options.Binary])).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(("-----BEGIN CMS-----", *lines, "-----END CMS-----", ""))


def _read_key_copy(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder = _find_folder(arguments)
    files = []
    for name in KEY_FILES:
        if folder / name in state.files:
            content = state.bytes_of(folder / name)
            if len(content) > 64000:
                raise fail("TooLarge", rf"{folder}\{name} is larger than any copy of a CA key")
            files.append(_describe_file(state, folder, name) | {"data": base64.b64encode(content).decode()})
    there = any(folder in path.parents for path in state.files)
    return {"files": files, "closed": not state.readers.get(folder) if there else None}


def _remove_key_copy(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder = _find_folder(arguments)
    there = any(folder in path.parents for path in state.files)
    for name in KEY_FILES:
        state.files.pop(folder / name, None)
        state.written.pop(folder / name, None)
    return {"changed": there}


def _describe(state: WindowsState, folder: PureWindowsPath, at: str, *, changed: bool) -> Any:
    named = zip(("key", "certificate", "manifest"), KEY_FILES, strict=True)
    files = {field: _describe_file(state, folder, name) for field, name in named}
    told = {f"{field}_{what}": file[what] for field, file in files.items() for what in ("size", "sha256")}
    return {**told, "at": at, "changed": changed}


def _describe_file(state: WindowsState, folder: PureWindowsPath, name: str) -> dict[str, Any]:
    content = state.bytes_of(folder / name)
    return {"name": name, "size": len(content), "sha256": hash_content(content)}


def _find_folder(arguments: Mapping[str, Any]) -> PureWindowsPath:
    folder = PureWindowsPath(arguments["folder"])
    if folder.parent.name != "ca" or not re.fullmatch(OUR_FOLDER, folder.name):
        raise fail("NotOurs", f"{folder} is not the folder of a copy of a CA key")
    return folder


TWINS: Mapping[str, Twin] = {
    "protect-key": _protect_key,
    "read-key-copy": _read_key_copy,
    "remove-key-copy": _remove_key_copy,
}
