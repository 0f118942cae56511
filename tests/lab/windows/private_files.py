"""The twin of `parts/keys.ps1`: which files never leave their host, by name and by content."""

import re

KEY_NAME = re.compile(r"\.(key|pfx|p12|p8|pk8|pvk|ppk|jks|keystore|kdbx)\Z", re.IGNORECASE)
PASSWORD_NAME = re.compile(r"htpasswd|\A\.?(passwd|pgpass|netrc|env)\Z|\.(passwd|env)\Z", re.IGNORECASE)
KEY = re.compile(rb"PRIVATE\s+KEY-----", re.IGNORECASE)
HARMLESS_PEM = re.compile(rb"-----BEGIN (CERTIFICATE|X509 CRL|DH PARAMETERS|PUBLIC KEY)-----", re.IGNORECASE)
PASSWORD = re.compile(
    rb"^[^:\s#]{1,128}:(\$(apr1|1|2[abxy]|5|6|argon2[a-z]{1,2})\$|\{(SHA|SSHA|PLAIN|MD5|CRYPT)\})",
    re.IGNORECASE | re.MULTILINE,
)
ENCRYPTED_KEYS = (bytes.fromhex("2a864886f70d0105"), bytes.fromhex("2a864886f70d010c"))


def find_reason(name: str, content: bytes) -> str:
    """Why a file stays out of a backup: a key, a password, or "" for one that belongs in it."""
    leaf, text = name.rpartition("/")[2], content.replace(b"\0", b"")
    if KEY_NAME.search(leaf):
        return "key"
    if PASSWORD_NAME.search(leaf):
        return "password"
    if KEY.search(text) or _is_der_key(content):
        return "key"
    if leaf.lower().endswith(".pem") and not HARMLESS_PEM.search(text):
        return "key"
    return "password" if PASSWORD.search(text) else ""


def _is_der_key(content: bytes) -> bool:
    inside = _find_content(content, 0, 0x30)
    if not inside or len(content) < inside + 3:
        return False
    if content[inside : inside + 2] == b"\x02\x01" and content[inside + 2] in (0, 1, 3):
        return True
    way = _find_content(content, inside, 0x30)
    name = _find_content(content, way, 0x06) if way else 0
    return bool(name) and content[name : name + 8] in ENCRYPTED_KEYS


def _find_content(content: bytes, at: int, tag: int) -> int:
    """Where the content of a DER value begins; 0 where none of this length fits."""
    if len(content) < at + 2 or content[at] != tag:
        return 0
    length, begin = content[at + 1], at + 2
    if length >= 128:
        count = length - 128
        if not 1 <= count <= 3 or len(content) < begin + count:
            return 0
        length, begin = int.from_bytes(content[begin : begin + count], "big"), begin + count
    return begin if begin + length <= len(content) else 0
