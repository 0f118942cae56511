"""Draws charts in a separate process, with a timeout.

matplotlib takes up to 300 MB and holds the interpreter's lock for seconds, while Slack expects an ack within three seconds.
So it is never loaded here: `bot.rendering.picture_program` reads a `PictureJob` as JSON from stdin, writes a PNG to stdout,
and ends.
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
from bot.rendering.lane_texts import LaneTexts, build_lane_texts
from commands.model.chart import (
    BAD_DAY_DIVISOR,
    CA_EXPIRY_DAYS,
    HOST_EXPIRY_DAYS,
    Chart,
    DayState,
    ExpiryUrgency,
    describe_days_left,
    format_days,
)
from commands.model.lanes import Drawing, LaneChart

PROGRAM = (sys.executable, "-m", "bot.rendering.picture_program")

RENDER_TIMEOUT = 30.0
"""Timeout for one picture in seconds. It takes one or two, most of it to find the machine's fonts."""

MAX_PICTURE_BYTES = 4 * 2**20
"""Maximum bytes of one picture. 30 hosts and 20 certificates take 400 kB."""

FULL_BAR_DAYS = CA_EXPIRY_DAYS[0]
"""Days that a full bar stands for."""

INHERITED_VARIABLES = ("PATH", "PYTHONPATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
"""Environment variables that the process inherits; none is a secret."""

DAY_STATE_PHRASES = {
    DayState.WELL: Phrase("healthy in every check"),
    DayState.AT_TIMES: Phrase("intermittently unhealthy or unreachable"),
    DayState.TROUBLED: Phrase("unhealthy in at least 1 of {n} checks", n=BAD_DAY_DIVISOR),
    DayState.UNREACHED: Phrase("unreachable in at least 1 of {n} checks", n=BAD_DAY_DIVISOR),
    DayState.NOTHING: Phrase("no data"),
}

TIME_LEFT_PHRASES = {
    ExpiryUrgency.URGENT: Phrase(
        "under {days} (CA: under {ca} days)", days=format_days(HOST_EXPIRY_DAYS[1]), ca=CA_EXPIRY_DAYS[1]
    ),
    ExpiryUrgency.SOON: Phrase(
        "under {days} (CA: under {ca} days)", days=format_days(HOST_EXPIRY_DAYS[0]), ca=CA_EXPIRY_DAYS[0]
    ),
    ExpiryUrgency.LONG: Phrase("more (full bar = {days})", days=format_days(FULL_BAR_DAYS)),
}

_log = structlog.get_logger(__name__)


class DrawingFailed(FlatnetError):
    """The picture could not be drawn. The caller shows `commands.model.lanes.describe_drawing` instead."""

    def __init__(self, why: Phrase | str) -> None:
        super().__init__(Phrase("could not draw the chart: {why}. The same data is shown as text", why=why))


class ChartTexts(Value):
    """Texts in a picture, in one language.

    `states` and `times` explain the signs. `left` is the remaining time of each drawn certificate. `more_hosts` and
    `more_certificates` count what is not drawn, or are "".
    """

    health: str
    certificates: str
    states: Mapping[DayState, str]
    times: Mapping[ExpiryUrgency, str]
    left: tuple[str, ...]
    more_hosts: str = ""
    more_certificates: str = ""


class ChartJob(Value):
    """Input of the process for a chart."""

    chart: Chart
    words: ChartTexts


class LaneJob(Value):
    """Input of the process for the lanes of an incident."""

    lanes: LaneChart
    words: LaneTexts


PictureJob = ChartJob | LaneJob
"""Input of the process."""


def build_chart_texts(chart: Chart, texts: Texts) -> ChartTexts:
    """Builds the texts in the picture of a chart."""
    drawn = chart.drawable
    return ChartTexts(
        health=Phrase("Health, last {days}", days=format_days(len(chart.days))).render(texts),
        certificates=Phrase("Certificate days remaining").render(texts),
        states={state: phrase.render(texts) for state, phrase in DAY_STATE_PHRASES.items()},
        times={left: phrase.render(texts) for left, phrase in TIME_LEFT_PHRASES.items()},
        left=tuple(describe_days_left(certificate).render(texts) for certificate in drawn.certificates),
        more_hosts=_count_more(len(chart.hosts) - len(drawn.hosts), texts),
        more_certificates=_count_more(len(chart.certificates) - len(drawn.certificates), texts),
    )


def _count_more(count: int, texts: Texts) -> str:
    return Phrase("… and {n} more", n=count).render(texts) if count else ""


def _make_job(drawing: Drawing, texts: Texts) -> PictureJob:
    if isinstance(drawing, LaneChart):
        return LaneJob(lanes=drawing.drawable, words=build_lane_texts(drawing, texts))
    return ChartJob(chart=drawing, words=build_chart_texts(drawing, texts))


async def draw_in_process(drawing: Drawing, texts: Texts) -> bytes:
    """Draws a chart as a PNG. Raises `DrawingFailed`, at the latest after `RENDER_TIMEOUT` seconds."""
    job = _make_job(drawing, texts).model_dump_json().encode()
    with TemporaryDirectory(prefix="flatnet-chart-") as folder:
        try:
            async with asyncio.timeout(RENDER_TIMEOUT):
                return await _run_job(job, Path(folder))
        except TimeoutError as error:
            raise DrawingFailed(Phrase("no result within {deadline}", deadline=Span(RENDER_TIMEOUT))) from error
        except OSError as error:
            raise DrawingFailed(error.strerror or type(error).__name__) from error


async def _run_job(job: bytes, folder: Path) -> bytes:
    """Runs the program on a job. Files instead of pipes, so that neither side blocks on the other, whatever the size."""
    with ExitStack() as stack:
        given, picture, said = (stack.enter_context(TemporaryFile(dir=folder)) for _ in range(3))
        given.write(job)
        given.seek(0)
        status = await _run_program(given, picture, said, folder)
        for file in (picture, said):
            file.seek(0)
        drawn, why = picture.read(MAX_PICTURE_BYTES + 1), said.read(MAX_PICTURE_BYTES)
    if status or not drawn:
        _log.warning("a chart was not drawn", status=status, said=why.decode(errors="replace")[-500:])
        raise DrawingFailed(Phrase("the program exited with status {status}", status=status))
    if len(drawn) > MAX_PICTURE_BYTES:
        raise DrawingFailed(Phrase("larger than {n} bytes", n=MAX_PICTURE_BYTES))
    return drawn


async def _run_program(given: IO[bytes], picture: IO[bytes], said: IO[bytes], folder: Path) -> int:
    """Runs the program to its end and returns its status. Kills it if the caller is cancelled."""
    environment = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ} | {
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
