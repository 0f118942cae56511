"""Words about changes, which Slack and the terminal share. Pure."""
