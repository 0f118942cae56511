"""Protocol buffers' wire format, as far as Nebula's certificates use it: varints and chunks of bytes.

https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator

VARINT, CHUNK = 0, 2
VARINT_SIZE_LIMIT = 10
"""Bytes of a varint of 64 bits, with seven bits in each."""


def read_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yields number and content of each field. Raises `ValueError` if the message ends early or holds another kind."""
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
    """Reads the number at a position. Returns it and the position after it."""
    value = 0
    for index, byte in enumerate(data[position : position + VARINT_SIZE_LIMIT]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("the data ends within a number")


def read_varints(data: bytes) -> Iterator[int]:
    """Yields the numbers of a packed field."""
    position = 0
    while position < len(data):
        value, position = read_varint(data, position)
        yield value


def encode_varint(value: int) -> bytes:
    """Encodes a number that is not negative."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def encode_number(field: int, value: int) -> bytes:
    """Encodes a field with a number. Zero is left out, as in proto3."""
    return encode_varint(field << 3 | VARINT) + encode_varint(value) if value else b""


def encode_chunk(field: int, value: bytes) -> bytes:
    """Encodes a field with bytes."""
    return encode_varint(field << 3 | CHUNK) + encode_varint(len(value)) + value
