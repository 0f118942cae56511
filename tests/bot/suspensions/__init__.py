"""Tests of `bot.suspensions`."""
