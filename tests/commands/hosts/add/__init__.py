"""Tests of `commands.hosts.add`."""
