"""Tests of `commands.alerts`."""
