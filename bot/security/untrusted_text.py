"""Text that others wrote (hosts, people, files), made harmless for every surface.

Nothing here knows a surface's own markup: `bot.rendering.slack.blocks` escapes Slack's, and
`bot.rendering.terminal` uses none.
"""

import unicodedata

CUT = "…"

_CONTROLS = {code: " " if chr(code).isspace() else chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡", 0x85: " "}
"""NUL becomes ␀, ESC becomes ␛: seen for what they are, and without effect; what separates lines becomes a space."""


def one_line(text: str) -> str:
    """`text` on one line: white space becomes one space, control characters become pictures.

    Characters that are not seen but change what is seen go: right-to-left marks, zero-width
    characters, halves of surrogate pairs (which no UTF-8 output can carry).
    """
    line = text.translate(_CONTROLS)
    if not line.isprintable():
        line = "".join(filter(_seen, line))
    return " ".join(line.split())


def cut(text: str, most: int) -> str:
    """At most `most` characters of `text`; a cut is shown."""
    return text if len(text) <= most else text[: most - 1] + CUT


def _seen(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs")


def lines_of(text: str) -> str:
    """Several lines as they are, spaces too, without what could move a cursor or hide a word."""
    return "".join(f"{''.join(filter(_seen, line.translate(_CONTROLS)))}\n" for line in text.splitlines())
