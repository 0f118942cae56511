"""The home tab of one person."""
