"""Tests of `commands.gateways`."""
