"""Tests of backups as rows and files."""
