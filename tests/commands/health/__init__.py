"""Tests of `commands.health`."""
