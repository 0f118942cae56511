"""Tests of `commands.containers.migrate`."""
