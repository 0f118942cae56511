"""Tests of `commands.log_lines`."""
