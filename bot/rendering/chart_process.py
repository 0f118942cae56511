"""Draws charts in a separate process, with a timeout.

matplotlib takes up to 300 MB and holds the interpreter's lock for seconds, while Slack expects an ack within three seconds.
So it is never loaded here: `bot.rendering.chart_image` runs as a program, reads a `ChartJob` as JSON from stdin, writes a
PNG to stdout, and ends.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

import structlog

from adapters.errors import FlatnetError
from adapters.phrase import Phrase, Span, Texts
from adapters.value import Value
from commands.model.chart import CA_LEFT, HOST_LEFT, SHARE, Chart, DayState, Left, days, whole_days

PROGRAM = (sys.executable, "-m", "bot.rendering.chart_image")

DEADLINE = 30.0
"""Timeout for one picture in seconds. It takes one or two, most of it to find the machine's fonts."""

LARGEST = 4 * 2**20
"""Maximum bytes of one picture. 30 hosts and 20 certificates take 400 kB."""

FULL = CA_LEFT[0]
"""Days that a full bar stands for."""

INHERITED = ("PATH", "PYTHONPATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
"""Environment variables that the process inherits; none is a secret."""

STATES = {
    DayState.WELL: Phrase("well in every look"),
    DayState.AT_TIMES: Phrase("trouble or no answer at times"),
    DayState.TROUBLED: Phrase("trouble in 1 of {n} looks or more", n=SHARE),
    DayState.UNREACHED: Phrase("not reached in 1 of {n} looks or more", n=SHARE),
    DayState.NOTHING: Phrase("no record"),
}

TIMES = {
    Left.URGENT: Phrase("under {days} (CA: {ca})", days=days(HOST_LEFT[1]), ca=CA_LEFT[1]),
    Left.SOON: Phrase("under {days} (CA: {ca})", days=days(HOST_LEFT[0]), ca=CA_LEFT[0]),
    Left.LONG: Phrase("more; full bar: {days}", days=days(FULL)),
}

_log = structlog.get_logger(__name__)


class DrawingFailed(FlatnetError):
    """The picture could not be drawn. The caller shows `commands.model.chart.alt_text` instead."""

    def __init__(self, why: Phrase | str) -> None:
        super().__init__(Phrase("the picture could not be drawn: {why}; the text beside it says the same", why=why))


class Words(Value):
    """Texts in a picture, in one language.

    `states` and `times` explain the signs. `left` is the remaining time of each drawn certificate. `more_hosts` and
    `more_certificates` count what is not drawn, or are "".
    """

    health: str
    certificates: str
    states: Mapping[DayState, str]
    times: Mapping[Left, str]
    left: tuple[str, ...]
    more_hosts: str = ""
    more_certificates: str = ""


class Job(Value):
    """Input of the process."""

    chart: Chart
    words: Words


def words_for(chart: Chart, texts: Texts) -> Words:
    """Builds the texts in the picture of a chart."""
    drawn = chart.drawn
    return Words(
        health=Phrase("Health over {days}", days=days(len(chart.days))).render(texts),
        certificates=Phrase("Days left of certificates").render(texts),
        states={state: phrase.render(texts) for state, phrase in STATES.items()},
        times={left: phrase.render(texts) for left, phrase in TIMES.items()},
        left=tuple(whole_days(certificate).render(texts) for certificate in drawn.certificates),
        more_hosts=_more(len(chart.hosts) - len(drawn.hosts), texts),
        more_certificates=_more(len(chart.certificates) - len(drawn.certificates), texts),
    )


def _more(count: int, texts: Texts) -> str:
    return Phrase("… and {n} more", n=count).render(texts) if count else ""


async def draw_apart(chart: Chart, texts: Texts) -> bytes:
    """Draws the chart as a PNG. Raises `DrawingFailed`, at the latest after `RENDER_TIMEOUT` seconds."""
    job = Job(chart=chart, words=words_for(chart, texts)).model_dump_json().encode()
    with TemporaryDirectory(prefix="flatnet-chart-") as folder:
        try:
            async with asyncio.timeout(DEADLINE):
                return await _drawn(job, Path(folder))
        except TimeoutError as error:
            raise DrawingFailed(Phrase("it took more than {deadline}", deadline=Span(DEADLINE))) from error
        except OSError as error:
            raise DrawingFailed(error.strerror or type(error).__name__) from error


async def _drawn(job: bytes, folder: Path) -> bytes:
    """Runs the program on a job. Files instead of pipes, so that neither side blocks on the other, whatever the size."""
    with ExitStack() as stack:
        given, picture, said = (stack.enter_context(TemporaryFile(dir=folder)) for _ in range(3))
        given.write(job)
        given.seek(0)
        status = await _ended(given, picture, said, folder)
        for file in (picture, said):
            file.seek(0)
        drawn, why = picture.read(LARGEST + 1), said.read(LARGEST)
    if status or not drawn:
        _log.warning("a picture was not drawn", status=status, said=why.decode(errors="replace")[-500:])
        raise DrawingFailed(Phrase("the program ended with status {status}", status=status))
    if len(drawn) > LARGEST:
        raise DrawingFailed(Phrase("it has more than {n} bytes", n=LARGEST))
    return drawn


async def _ended(given: IO[bytes], picture: IO[bytes], said: IO[bytes], folder: Path) -> int:
    """Runs the program to its end and returns its status. Kills it if the caller is cancelled."""
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ} | {
        "MPLCONFIGDIR": str(folder),
        "OPENBLAS_NUM_THREADS": "1",
    }
    process = await asyncio.create_subprocess_exec(*PROGRAM, stdin=given, stdout=picture, stderr=said, env=environment)
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
