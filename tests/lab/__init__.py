"""A fleet and a workspace in a box: real protocols on loopback. Production code knows nothing of it."""
