"""Tests of `commands.migration`."""
