"""A fleet and a workspace in a box: real protocols on loopback. Production code knows nothing of it."""

STORY_HOSTS = 6
"""Hosts of the demo's story, beside the lighthouse. They are named here so that the demo need not load the story."""
