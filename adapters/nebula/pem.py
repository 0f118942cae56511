"""PEM: blocks of base64 between BEGIN and END lines, as Go reads them, but without skipping anything silently."""

import base64
import re
from collections.abc import Iterator

TEXT_LIMIT = 64_000
"""Characters of a file. Nebula itself accepts no certificate beyond 65,536 bytes."""
BLOCK_LIMIT = 64
"""Blocks in one file. A bundle during a rotation of the CA has two."""

_BOUNDARY = re.compile(r"-----(BEGIN|END) ([A-Z0-9 ]{1,60})-----[ \t]*")


def read_blocks(text: str) -> Iterator[tuple[str, bytes]]:
    """Yields banner and content of each block. Comments may stand before a block.

    Raises `ValueError` if the file is damaged or has no block.
    """
    if len(text) > TEXT_LIMIT:
        raise ValueError("the file is larger than any certificate file")
    if text.startswith("\ufeff"):
        raise ValueError("the file begins with a byte order mark, which makes Nebula skip its first block")
    count, banner, body, remark = 0, "", list[str](), False
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        edge = _BOUNDARY.fullmatch(line)
        if edge is None:
            if "-----" in line:
                raise ValueError("a BEGIN or END line is damaged")
            body.append(line.strip(" \t"))
            remark = remark or bool(line.strip())
        elif edge[1] == "BEGIN" and not banner:
            banner, body = edge[2], []
        elif edge[1] == "END" and edge[2] == banner:
            yield banner, _decode_base64("".join(body))
            count, banner, remark = count + 1, "", False
            if count > BLOCK_LIMIT:
                raise ValueError("the file holds too many blocks")
        else:
            raise ValueError("BEGIN and END lines do not belong together")
    if banner:
        raise ValueError("the file ends within a block")
    if count == 0:
        raise ValueError("the file holds no PEM block")
    if remark:
        raise ValueError("there is text after the last block, which Nebula refuses")


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # binascii.Error, and characters outside ASCII
        raise ValueError("a block is not base64") from None


def encode_block(banner: str, content: bytes) -> str:
    """Encodes one block as Go writes it: 64 characters a line."""
    text = base64.b64encode(content).decode("ascii")
    lines = (text[start : start + 64] for start in range(0, len(text), 64))
    return "\n".join((f"-----BEGIN {banner}-----", *lines, f"-----END {banner}-----", ""))
