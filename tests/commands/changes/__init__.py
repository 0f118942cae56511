"""Tests of `commands.changes`."""
