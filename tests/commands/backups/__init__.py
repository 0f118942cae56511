"""Tests of `commands.backups`."""
