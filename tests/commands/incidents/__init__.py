"""Tests of `commands.incidents`."""
