"""The example report in docs/ is what the bot writes today. If it fails: `python -m tests.incident_report`."""

from io import BytesIO

from matplotlib.image import imread

from tests.incident_report import PICTURE, draw_picture, make_files


def test_the_files_of_the_example_are_current() -> None:
    assert make_files() == {path: path.read_text(encoding="utf-8") for path in make_files()}


def test_the_picture_of_the_example_is_current() -> None:
    assert (imread(BytesIO(draw_picture())) == imread(PICTURE)).all()


def test_the_page_documents_every_key_of_the_json() -> None:
    page = (PICTURE.parents[1] / "incident-report.md").read_text(encoding="utf-8")
    [text] = [text for path, text in make_files().items() if path.suffix == ".json"]
    keys = {line.strip().split('"')[1] for line in text.splitlines() if line.startswith('  "')}
    assert set() == {key for key in keys if f"`{key}`" not in page}
