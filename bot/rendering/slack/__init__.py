"""Values rendered as Block Kit."""
