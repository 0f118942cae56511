"""Tests of owed changes."""
