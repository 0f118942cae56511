"""Tests of `commands.hosts.suspend`."""
