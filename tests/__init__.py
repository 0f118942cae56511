"""Tests as a specification; they mirror the packages."""
