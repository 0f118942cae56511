"""Tests of `commands.certificates`."""
