"""A simulated Windows host: its state, and the two ways scripts act on it."""
