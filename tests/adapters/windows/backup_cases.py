"""What the scripts of backups answer on which host: what is packed, what stays on its host, and what ends it."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import PureWindowsPath
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from adapters.windows.backups import PackBackup, ReadFirstPlace, RemoveFirstPlace
from adapters.windows.spool import ReadSpoolState
from tests.adapters.windows.script_cases import NOW, Case, Failed, Script, missing
from tests.adapters.windows.spool_cases import pack
from tests.lab.windows.state import Drive, WindowsState
from tests.lab.windows.twins_spool import SPARE

FOLDER = PureWindowsPath(r"F:\flatnet\backups\host-a-0123456789ab")
SOURCE = PureWindowsPath(r"F:\flatnet\pack")
FILE = FOLDER / "openresty.tar"
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
RSA, CURVE = rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256R1())
PASSWORD = serialization.BestAvailableEncryption(b"correct horse")
DER, PEM, PLAIN = serialization.Encoding.DER, serialization.Encoding.PEM, serialization.NoEncryption()
PKCS8, TRADITIONAL = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
CERTIFICATE = (
    x509.CertificateBuilder()
    .subject_name(NAME)
    .issuer_name(NAME)
    .public_key(RSA.public_key())
    .serial_number(7)
    .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    .not_valid_after(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=90))
    .sign(RSA, hashes.SHA256())
)

FILES: Mapping[str, bytes] = {
    "nginx.conf": b"user nobody;\nproxy_set_header X-Token: $2y;\n",
    "mime.types": b"",
    "tls.pem": CERTIFICATE.public_bytes(PEM),
    "tls.der": CERTIFICATE.public_bytes(DER),
    "public.der": RSA.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    "zeros.bin": bytes(700),
    "short.bin": b"0",
    "cut.der": b"0\x83\x7f",
    "conf.d/keys.conf": b"ssl_certificate_key F:/flatnet/config/tls.key;\n",
    "conf.d/\u8a2d\u5b9a.conf": "\u8a2d\u5b9a\r\n".encode("shift_jis"),
    "lualib/sync/init.lua": b"return 1\n",
}
OTHERS: Mapping[str, bytes] = {"nebula/config.yaml": b"pki:\n", "logs/access.log": b"GET /\n"}
KEYS: Mapping[str, bytes] = {
    "HOST.KEY": b"anything",
    "old/tls.Pfx": b"anything",
    "store.p12": b"anything",
    "renamed.txt": pkcs12.serialize_key_and_certificates(b"gateway", RSA, CERTIFICATE, None, PASSWORD),
    "pkcs1.der": RSA.private_bytes(DER, TRADITIONAL, PLAIN),
    "pkcs8.der": RSA.private_bytes(DER, PKCS8, PLAIN),
    "curve.der": CURVE.private_bytes(DER, TRADITIONAL, PLAIN),
    "encrypted.der": CURVE.private_bytes(DER, PKCS8, PASSWORD),
    "both.pem": CERTIFICATE.public_bytes(PEM) + CURVE.private_bytes(PEM, PKCS8, PASSWORD),
    "unknown.pem": b"anything",
    "inline.yaml": b"pki:\n  key: |\n    -----BEGIN NEBULA X25519 PRIVATE KEY-----\n",
    "utf16.txt": "-----BEGIN RSA PRIVATE KEY-----\r\n".encode("utf-16"),
}
PASSWORDS: Mapping[str, bytes] = {
    ".htpasswd": b"anything",
    "conf.d/admin.htpasswd": b"anything",
    "users": b"# people\nana:$apr1$x$y\n",
    "people.txt": b"ana:{SSHA}abc\r\n",
    ".env": b"TOKEN=1\n",
}


def put(files: Mapping[str, bytes]) -> Callable[[WindowsState], None]:
    def change(host: WindowsState) -> None:
        for name, content in files.items():
            host.write_bytes(SOURCE / PureWindowsPath(name), content, NOW)

    return change


def link(host: WindowsState) -> None:
    put(FILES)(host)
    host.links.append(SOURCE / "conf.d" / "elsewhere")
    host.links.append(SOURCE / "other")
    host.file_links[SOURCE / "secret.conf"] = PureWindowsPath(r"F:\flatnet\config\host.key")


def lock(host: WindowsState) -> None:
    put(FILES)(host)
    host.locked.append(SOURCE / "nginx.conf")


def fill(host: WindowsState) -> None:
    put(FILES)(host)
    host.drives["F:"] = Drive(500 * 2**30, SPARE + 1)


def stop_writing(host: WindowsState) -> None:
    put(FILES)(host)
    host.disk_full = True


def enter(host: WindowsState) -> None:
    put(FILES)(host)
    host.write(FOLDER / "nebula.tar", "mine", NOW)
    host.readers[FOLDER] = ["S-1-5-32-545"]


def lay(*names: str) -> Callable[[WindowsState], None]:
    def change(host: WindowsState) -> None:
        for name in names:
            host.write(FOLDER / PureWindowsPath(name), "content", NOW)

    return change


def link_place(host: WindowsState) -> None:
    host.links.append(FOLDER)


def describe(files: Mapping[str, bytes], out: Mapping[str, str] = {}) -> Mapping[str, Any]:
    packed = pack(files)
    return {
        "size": len(packed),
        "sha256": hashlib.sha256(packed).hexdigest(),
        "files": len(files),
        "missing": [{"path": path, "why": out[path]} for path in sorted(out)],
        "changed": True,
    }


PACK = Script(PackBackup(folder=str(FOLDER), name="openresty.tar", source=str(SOURCE)), describe(FILES))
READ = Script(ReadFirstPlace(folder=str(FOLDER)), {"present": False})
REMOVE = Script(RemoveFirstPlace(folder=str(FOLDER)), {"present": False, "changed": False})
STATE = Script(ReadSpoolState(folder=str(FOLDER), name="openresty.tar", sha256="0" * 64), {"received": 0, "sha256": ""})
SECRET = dict.fromkeys(KEYS, "key") | dict.fromkeys(PASSWORDS, "password")
NOT_OURS = Failed("NotOurs", r"F:\flatnet\config is not the folder of a backup")
NEEDED = SPARE + sum(1024 + len(content) for content in FILES.values())
TOO_LARGE = f"{SOURCE} has more than {{}} bytes"
UNREADABLE = "cannot be read: another program keeps it open, or its access list forbids it"

CASES: tuple[Case, ...] = (
    Case("a folder", PACK, put(FILES)),
    Case(
        "keys and passwords, by name and by content",
        PACK,
        put({**FILES, **KEYS, **PASSWORDS}),
        differs=describe(FILES, SECRET),
    ),
    Case("links", PACK, link, differs=describe(FILES, dict.fromkeys(("conf.d/elsewhere", "other", "secret.conf"), "link"))),
    Case("some of its folders", PACK, put({**FILES, **OTHERS}), given={"folders": ["CONF.D", "lualib"]}),
    Case(
        "a link to a folder that does not belong to it",
        PACK,
        link,
        given={"folders": ["conf.d", "lualib"]},
        differs=describe(FILES, dict.fromkeys(("conf.d/elsewhere", "secret.conf"), "link")),
    ),
    Case("all of its folders", PACK, put({**FILES, **OTHERS}), differs=describe({**FILES, **OTHERS})),
    Case(
        "a locked file",
        PACK,
        lock,
        fails=Failed("FileUnreadable", rf"{SOURCE}\nginx.conf {UNREADABLE}"),
    ),
    Case(
        "no room",
        PACK,
        fill,
        fails=Failed("DiskFull", f"{NEEDED} bytes are needed on F: and {SPARE + 1} are free"),
    ),
    Case("a full disk", PACK, stop_writing, fails=Failed("DiskFull", f"{NEEDED} bytes are needed on F: and 0 are free")),
    Case(
        "more than is allowed",
        PACK,
        put(FILES),
        given={"limit": 9_000},
        fails=Failed("TooLarge", TOO_LARGE.format(9_000)),
    ),
    Case(
        "much more than is allowed",
        PACK,
        put(FILES),
        given={"limit": 100},
        fails=Failed("TooLarge", TOO_LARGE.format(100)),
    ),
    Case(
        "too many files",
        PACK,
        put(FILES),
        given={"files_limit": 3},
        fails=Failed("TooMany", f"{SOURCE} has more than 3 files"),
    ),
    Case(
        "too many keys",
        PACK,
        put({**FILES, **KEYS}),
        given={"missing_limit": 3},
        fails=Failed("TooMany", f"more than 3 files of {SOURCE} would be left out"),
    ),
    Case(
        "a place that others can enter",
        PACK,
        enter,
        fails=Failed(
            "FolderNotSafe", f"others than SYSTEM and Administrators can enter {FOLDER}; look at it, then remove it"
        ),
    ),
    Case("no such folder", PACK, fails=Failed("FolderMissing", rf"there is no folder {SOURCE}")),
    Case(
        "not the folder of a backup",
        PACK,
        put(FILES),
        given={"folder": r"F:\flatnet\config"},
        fails=Failed("NotOurs", r"F:\flatnet\config is not the folder of an operation or of a backup"),
    ),
    Case("an argument is missing", PACK, left_out=frozenset({"source"}), fails=missing("source")),
    Case(
        "a file at the first place",
        STATE,
        lay("openresty.tar"),
        differs={"received": 7, "sha256": hashlib.sha256(b"content").hexdigest()},
    ),
    Case("no backup", READ),
    Case("a backup", READ, lay("nebula.tar"), differs={"present": True}),
    Case("not the folder of a backup", READ, given={"folder": r"F:\flatnet\config"}, fails=NOT_OURS),
    Case("nothing to remove", REMOVE),
    Case(
        "a backup is removed, whole or not",
        REMOVE,
        lay("nebula.tar", "openresty.tar.part", "manifest.json"),
        differs={"changed": True},
    ),
    Case(
        "a folder in a backup",
        REMOVE,
        lay("nebula.tar", "nginx.conf/x"),
        fails=Failed("NotOurs", rf"{FOLDER}\nginx.conf does not belong to a backup; look at it, then remove it"),
    ),
    Case(
        "another file in a backup",
        REMOVE,
        lay("nebula.tar", "README"),
        fails=Failed("NotOurs", rf"{FOLDER}\README does not belong to a backup; look at it, then remove it"),
    ),
    Case(
        "a link in its place",
        REMOVE,
        link_place,
        fails=Failed("NotOurs", rf"{FOLDER} does not belong to a backup; look at it, then remove it"),
    ),
    Case("not the folder of a backup", REMOVE, given={"folder": r"F:\flatnet\config"}, fails=NOT_OURS),
)
