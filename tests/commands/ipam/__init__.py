"""Tests of `commands.ipam`."""
