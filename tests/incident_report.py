"""Generator of the example report: `python -m tests.incident_report` writes it to `docs/`, with its picture and its JSON."""

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.answers.data import write_files
from bot.incidents.reports.report import compose_message
from bot.locale.texts import get_texts
from bot.model.request import Answer
from bot.rendering.lane_texts import build_lane_texts
from bot.rendering.lanes import draw_lanes
from commands.incidents.operations import IncidentReport
from commands.language.grammar import render_operation
from commands.model.report import TextFile
from tests.bot.incidents.report_example import make_example

FOLDER = Path(__file__).parents[1] / "docs"
PICTURE = FOLDER / "images" / "incident-report.png"

TEXTS = get_texts("en", ZoneInfo("Asia/Tokyo"))


def make_files() -> Mapping[Path, str]:
    """Makes the text files of the example, by their paths."""
    report = compose_message(make_example())
    words = render_operation(IncidentReport(number=make_example().sources.incident.number))
    made = write_files(Answer(operation="op-2b3c4d5e6f70", understood=words, body=report), TEXTS)
    return {
        FOLDER / f"incident-report.example{Path(file.name).suffix}": file.text for file in made if isinstance(file, TextFile)
    }


def draw_picture() -> bytes:
    """Draws the picture of the example."""
    chart = make_example().chart
    return draw_lanes(chart, build_lane_texts(chart, TEXTS))


if __name__ == "__main__":
    for path, text in make_files().items():
        path.write_text(text, encoding="utf-8")
    PICTURE.write_bytes(draw_picture())
