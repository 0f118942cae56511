"""Tests of `commands.removal`."""
