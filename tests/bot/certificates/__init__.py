"""Tests of `bot.certificates`."""
