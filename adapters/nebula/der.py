"""ASN.1 in its distinguished encoding (X.690), as far as Nebula's certificates use it: a tag byte, a length, a content."""

from collections.abc import Iterator

LENGTH_SIZE_LIMIT = 3
"""Bytes of a length: enough for a length of 16 MB."""


def read_elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields tag and content of each element. Raises `ValueError` if one ends early or has no definite length."""
    position = 0
    while position < len(data):
        if len(data) - position < 2:
            raise ValueError("the data ends within an element")
        tag, length = data[position], data[position + 1]
        position += 2
        if length > 0x7F:
            count = length & 0x7F
            if not 1 <= count <= LENGTH_SIZE_LIMIT:
                raise ValueError("an element has a length that is not allowed")
            length = int.from_bytes(data[position : position + count], "big")
            position += count
        if length > len(data) - position:
            raise ValueError("the data ends within an element")
        yield tag, data[position : position + length]
        position += length


def encode_element(tag: int, content: bytes) -> bytes:
    """Encodes one element."""
    size = len(content)
    if size <= 0x7F:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def encode_integer(value: int) -> bytes:
    """Encodes the content of an INTEGER that is not negative. The top bit is the sign."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big")
