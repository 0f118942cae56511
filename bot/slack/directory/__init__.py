"""Directory of the workspace: people, user groups and channels."""
