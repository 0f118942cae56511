"""The fixtures of the store: tests of tables run on SQLite and on PostgreSQL."""

from tests.bot.store.conftest import address, clock, database, path, pytest_generate_tests

__all__ = ["address", "clock", "database", "path", "pytest_generate_tests"]
