"""Tests of `commands.authority`."""
