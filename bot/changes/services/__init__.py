"""Services of changes: they plan, let people decide, run and end changes."""
