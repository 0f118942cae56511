"""The key of the CA: its encrypted copy, and the drill that proves that people can open it."""
