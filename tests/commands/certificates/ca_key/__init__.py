"""Tests of `commands.certificates.ca_key`."""
