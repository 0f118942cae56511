"""Renderers of values as Block Kit. Pure."""
