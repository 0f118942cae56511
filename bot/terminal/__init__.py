"""The interactive shell, its completion and its progress bar."""
