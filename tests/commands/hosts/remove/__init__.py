"""Tests of `commands.hosts.remove`."""
