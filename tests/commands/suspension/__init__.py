"""Tests of `commands.suspension`."""
