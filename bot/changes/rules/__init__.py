"""Rules of changes: approval, transitions, outcome, what is owed. Pure."""
