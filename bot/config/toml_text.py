"""Text of TOML files: decoded, and syntax errors with their lines. Pure."""

import tomllib

from adapters.phrase import Phrase
from bot.config.errors import Complaint


def decode_text(content: bytes, limit: int) -> str | Complaint:
    """Decodes the content of a file of at most `limit` bytes; a complaint if it is longer, or not UTF-8."""
    if len(content) > limit:
        return Complaint("", None, Phrase("is larger than {n} bytes", n=limit))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return Complaint("", line, Phrase("is not UTF-8. Save it as UTF-8"))


def make_syntax_complaint(error: tomllib.TOMLDecodeError, text: str) -> Complaint:
    """Makes the complaint for text that is no TOML."""
    line = getattr(error, "lineno", None)
    if line is None:  # before Python 3.14 the position is only in the message
        place = str(error).rpartition("(at line ")[2].partition(",")[0]
        line = int(place) if place.isdigit() else text.count("\n") + 1
    reason = str(error).partition(" (at ")[0]
    return Complaint("", line, Phrase("invalid TOML: {reason}", reason=reason))
