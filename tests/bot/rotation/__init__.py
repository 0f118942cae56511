"""Tests of `bot.rotation`."""
