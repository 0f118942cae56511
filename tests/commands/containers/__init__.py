"""Tests of `commands.containers`."""
