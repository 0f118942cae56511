"""Tests of `bot.backups`."""
