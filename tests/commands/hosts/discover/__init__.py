"""Tests of `commands.hosts.discover`."""
