"""One language and zone, as a phrase needs them: the gettext catalogue and CLDR through Babel.

English needs no catalogue: its templates are the source. A missing translation shows English;
`tests/bot/locale/test_catalogue.py` finds it. A catalogue is read directly from its .po, so
that there is no compiled copy to become outdated. Phrases are stored by their template, so templates that
the code no longer makes stay translated in a second catalogue until no stored phrase has them.
"""

import gettext
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from io import BytesIO
from itertools import pairwise
from typing import IO
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import get_timezone_location
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.units import format_unit

from adapters.phrase import Texts, capitalize, move_to_zone

SOURCE_LANGUAGE = "en"
TRANSLATED_LANGUAGES = ("ja",)
DOMAIN = "flatnet"
"""Name of a language's catalogue."""

_UNITS = (("duration-day", 86_400), ("duration-hour", 3_600), ("duration-minute", 60), ("duration-second", 1))


def get_texts(language: str, zone: ZoneInfo) -> Texts:
    """Returns the texts of a language ("ja", or a locale such as "ja-JP") in a zone; English if there is no translation."""
    spoken = language.replace("_", "-").partition("-")[0].lower()
    spoken = spoken if spoken in TRANSLATED_LANGUAGES else SOURCE_LANGUAGE
    return BabelTexts(Locale.parse(spoken), zone, _load_translations(spoken))


@cache
def _load_translations(language: str) -> gettext.NullTranslations:
    if language == SOURCE_LANGUAGE:
        return gettext.NullTranslations()
    source = resources.files(__package__) / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    with source.open("rb") as po:
        return compile_catalogue(po, language)


def compile_catalogue(po: IO[bytes], language: str) -> gettext.GNUTranslations:
    """Reads the translations in a .po file."""
    compiled = BytesIO()
    write_mo(compiled, read_po(po, locale=language, abort_invalid=True))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@dataclass(frozen=True)
class BabelTexts:
    """Texts in one language and zone."""

    locale: Locale
    zone: ZoneInfo
    catalogue: gettext.NullTranslations

    def template(self, singular: str, plural: str | None, count: int, context: str | None = None) -> str:
        if not singular:  # gettext answers "" with the catalogue's header
            return singular
        if plural is None:
            return self.catalogue.gettext(singular) if context is None else self.catalogue.pgettext(context, singular)
        if context is None:
            return self.catalogue.ngettext(singular, plural, count)
        return self.catalogue.npgettext(context, singular, plural, count)

    def number(self, value: int | float) -> str:
        return format_decimal(value, locale=self.locale)

    def moment(self, at: datetime) -> str:
        """Formats a time as `2026-11-25 18:10 JST`: the same in every language, and unambiguous."""
        return f"{move_to_zone(at, self.zone):%Y-%m-%d %H:%M %Z}"

    def span(self, seconds: float) -> str:
        """Formats the two largest units: `3 days, 4 hr`, `2 min, 5 sec`; below ten seconds `2.5 sec`, `400 ms`."""
        if seconds < 0:
            return f"-{self.span(-seconds)}"
        if 0 < seconds < 1:
            return self._unit(round(seconds * 1000), "duration-millisecond")
        if seconds < 10:
            return self._unit(round(seconds, 1), "duration-second")
        whole = round(seconds)
        for (unit, length), (smaller, part) in pairwise(_UNITS):
            if whole >= length:
                counts = ((whole // length, unit), (whole % length // part, smaller))
                shown = [self._unit(count, name) for count, name in counts if count]
                return format_list(shown, style="unit-short", locale=self.locale)
        return self._unit(whole, "duration-second")

    def city(self, zone: str) -> str:
        """Returns the name of a zone's city by CLDR; an unknown zone as it is."""
        try:
            return get_timezone_location(zone, locale=self.locale, return_city=True)
        except (LookupError, ValueError):
            return zone

    def listing(self, items: Sequence[str]) -> str:
        return format_list(items, locale=self.locale)

    def series(self, items: Sequence[str]) -> str:
        """Join by CLDR's narrow style, which Babel's types lack."""
        return format_list(items, style="standard-narrow", locale=self.locale)  # type: ignore[arg-type]

    def capitalize(self, template: str) -> str:
        """Capitalizes English only: a Latin letter at the start of a Japanese text belongs to a name."""
        return capitalize(template) if self.locale.language == SOURCE_LANGUAGE else template

    def _unit(self, count: float, unit: str) -> str:
        return format_unit(count, unit, length="short", locale=self.locale)
