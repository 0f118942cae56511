"""A house of alerts for each test."""

import pytest

from bot.store.database import Database
from tests.bot.alerts.living import House


@pytest.fixture
def house(database: Database) -> House:
    return House(database)
