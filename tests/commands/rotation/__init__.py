"""Tests of `commands.rotation`."""
