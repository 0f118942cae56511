"""Tests of `commands.certificates.rotation`."""
