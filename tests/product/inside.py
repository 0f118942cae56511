"""Program that the installed Python runs: imports every module, reads every file of data, and prints what there is.

It imports nothing of the checkout: `python -I inside.py`.
"""

import asyncio
import importlib
import json
import pkgutil
import re
import sys
from importlib import metadata, resources

PACKAGES = ("adapters", "commands", "bot")

BY_ALEMBIC = "bot.store.migrations.env"
"""Runs the migrations where it is imported, so only Alembic imports it; `db upgrade` does."""


def main() -> None:
    """Print one JSON document."""
    modules = [importlib.import_module(name) for name in list_modules()]
    found = {
        "modules": len(modules),
        "files": sorted({module.__file__ for module in modules if module.__file__}),
        "path": sys.path,
        "installed": sorted(re.sub(r"[-_.]+", "-", each.name).lower() for each in metadata.distributions()),
        "scripts": count_scripts(),
        "phrase": translate(),
        "chart": draw()[:4].hex(),
    }
    print(json.dumps(found))


def list_modules() -> list[str]:
    """List the names of all modules."""
    roots = [importlib.import_module(name) for name in PACKAGES]
    below = (each.name for root in roots for each in pkgutil.walk_packages(root.__path__, f"{root.__name__}."))
    return [*PACKAGES, *(name for name in below if name != BY_ALEMBIC)]


def count_scripts() -> int:
    """Load every PowerShell script, with its parts, and the constant code."""
    from adapters.windows.powershell import build_guard_options, load_script

    assert build_guard_options()
    scripts = resources.files("adapters.windows") / "scripts"
    names = [each.name for each in scripts.iterdir() if each.name.endswith(".ps1")]
    return len([name for name in names if load_script(name.removesuffix(".ps1"))])


def translate() -> str:
    """Translate a phrase by the catalogue."""
    from zoneinfo import ZoneInfo

    from adapters.phrase import Phrase
    from bot.locale.texts import get_texts

    return Phrase("healthy in every check").render(get_texts("ja", ZoneInfo("Asia/Tokyo")))


def draw() -> bytes:
    """Draw a chart with the fonts that come with matplotlib."""
    from adapters.phrase import ENGLISH
    from bot.rendering.chart_process import draw_in_process
    from commands.model.chart import Chart

    return asyncio.run(draw_in_process(Chart(days=(), hosts=(), certificates=()), ENGLISH))


if __name__ == "__main__":
    main()
