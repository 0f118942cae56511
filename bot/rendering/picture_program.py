"""Program that draws one picture: reads a `PictureJob` as JSON from stdin, writes a PNG to stdout.

`bot.rendering.chart_process` starts it.
"""

import os
import sys
from contextlib import suppress

from pydantic import TypeAdapter

from bot.rendering.chart_process import LaneJob, PictureJob
from bot.rendering.charts import draw_chart
from bot.rendering.lanes import draw_lanes


def main() -> None:
    """Reads the job and writes the picture."""
    with suppress(PermissionError):  # a service may be forbidden to change its priority
        os.nice(10)  # the bot has priority, because Slack waits for its acks
    job = TypeAdapter[PictureJob](PictureJob).validate_json(sys.stdin.buffer.read())
    picture = draw_lanes(job.lanes, job.words) if isinstance(job, LaneJob) else draw_chart(job.chart, job.words)
    sys.stdout.buffer.write(picture)


if __name__ == "__main__":
    main()
