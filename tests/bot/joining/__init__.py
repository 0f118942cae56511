"""Tests of `bot.joining`."""
