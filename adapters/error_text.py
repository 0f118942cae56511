"""Reasons of failures as text from the operating system, a library or a host.

Common causes are phrases, so that the sentence around them can be translated as a whole. Other text is kept as it came:
it may be in any language, is limited in length here and escaped where it is shown.
"""

import errno
import socket
import ssl
from collections.abc import Iterator, Mapping

from adapters.errors import NotAsked
from adapters.phrase import Phrase

TEXT_LIMIT = 300
"""Characters of foreign text that an error shows."""

_TIMED_OUT = Phrase("timed out")

_PHRASE_BY_ERRNO: Mapping[int | None, Phrase] = {
    errno.ECONNREFUSED: Phrase("connection refused"),
    errno.ECONNRESET: Phrase("connection reset"),
    errno.EHOSTUNREACH: Phrase("no route to the host"),
    errno.ENETUNREACH: Phrase("no route to its network"),
    errno.ENOENT: Phrase("no such file"),
    errno.EACCES: Phrase("permission denied"),
    errno.EISDIR: Phrase("it is a folder"),
    socket.EAI_NONAME: Phrase("no such host name"),
    socket.EAI_NODATA: Phrase("no such host name"),
    socket.EAI_AGAIN: Phrase("the name server does not respond"),
}
"""Phrases by errno, and by the negative codes of getaddrinfo."""

_PHRASE_BY_VERIFY_CODE: Mapping[int | None, Phrase] = {
    9: Phrase("its certificate is not valid yet"),
    10: Phrase("its certificate has expired"),
    18: Phrase("its certificate is self-signed"),
    19: Phrase("its certificate is from an unknown certificate authority"),
    20: Phrase("its certificate is from an unknown certificate authority"),
    21: Phrase("its certificate is from an unknown certificate authority"),
    62: Phrase("its certificate is for another name"),
    64: Phrase("its certificate is for another address"),
}
"""Phrases by OpenSSL's X509_V_ERR codes."""


_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE})
"""Errors for no more open files, in this process and on the whole machine."""


def map_local_error(error: BaseException) -> NotAsked | None:
    """Maps a failure that the bot itself caused by lack of open files; None otherwise. It tells nothing about the host."""
    if any(_get_errno(cause) in _OUT_OF_FILES for cause in walk_causes(error)):
        return NotAsked(Phrase("the bot has reached its open-file limit. Raise it (LimitNOFILE), or close other files"))
    return None


def describe_error(error: BaseException) -> Phrase | str:
    """Describes the reason of an error: its first known cause, else the text of its innermost cause that has any."""
    chain = list(walk_causes(error))
    known = next((phrase for phrase in map(_find_phrase, chain) if phrase is not None), None)
    return known or next(filter(None, map(_get_words, reversed(chain))), type(error).__name__)


def walk_causes(error: BaseException, seen: tuple[BaseException, ...] = ()) -> Iterator[BaseException]:
    """Yields the error and the errors wrapped in it, outermost first."""
    yield error
    for inner in (*error.args, *getattr(error, "exceptions", ()), getattr(error, "reason", None), error.__cause__):
        if isinstance(inner, BaseException) and inner not in (error, *seen):
            yield from walk_causes(inner, (error, *seen))


def clean_line(words: str) -> str:
    """Makes foreign text fit for an error: one line, limited in length, without control characters.

    A final period is removed, because the sentence around the text ends with its own.
    """
    line = " ".join("".join(character if character.isprintable() else " " for character in words[: 4 * TEXT_LIMIT]).split())
    if len(line) > TEXT_LIMIT:
        return f"{line[:TEXT_LIMIT]}…"
    return line if line.endswith("..") else line.removesuffix(".")


def _find_phrase(error: BaseException) -> Phrase | None:
    """Finds the phrase of a known error."""
    match error:
        case ssl.SSLCertVerificationError():
            return _PHRASE_BY_VERIFY_CODE.get(getattr(error, "verify_code", None))
        case TimeoutError():
            return _TIMED_OUT
        case _:
            return _PHRASE_BY_ERRNO.get(_get_errno(error))


def _get_errno(error: BaseException) -> int | None:
    """Returns the operating system's error number. An `SSLError` has OpenSSL's number instead, which is no errno."""
    return error.errno if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None


def _get_words(error: BaseException) -> str:
    """Returns the error's own text."""
    words = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or str(error)
    return clean_line(str(words))
