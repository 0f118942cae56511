"""Protocol buffers' wire format, as much of it as Nebula's certificates use: varints and chunks of bytes.

https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator

VARINT, CHUNK = 0, 2
VARINT_BYTES = 10
"""Of 64 bits, seven at a time."""


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: number and content. ValueError where the message ends early or holds another kind."""
    position = 0
    while position < len(data):
        tag, position = read_varint(data, position)
        number, kind = tag >> 3, tag & 7
        if kind not in (VARINT, CHUNK):
            raise ValueError("a field is of an unknown kind")
        value, position = read_varint(data, position)
        if kind == VARINT:
            yield number, value
            continue
        if value > len(data) - position:
            raise ValueError("the data ends within a field")
        yield number, data[position : position + value]
        position += value


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """The number that begins at a position, and where it ends."""
    value = 0
    for index, byte in enumerate(data[position : position + VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("the data ends within a number")


def varints(data: bytes) -> Iterator[int]:
    """The numbers of a packed field."""
    position = 0
    while position < len(data):
        value, position = read_varint(data, position)
        yield value


def varint(value: int) -> bytes:
    """A number that is not negative."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def number(field: int, value: int) -> bytes:
    """A field with a number; nothing for zero, as proto3 has it."""
    return varint(field << 3 | VARINT) + varint(value) if value else b""


def chunk(field: int, value: bytes) -> bytes:
    """A field with bytes."""
    return varint(field << 3 | CHUNK) + varint(len(value)) + value
