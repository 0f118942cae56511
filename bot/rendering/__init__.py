"""Values become Block Kit, the terminal or data here: pure functions, one renderer per surface."""
