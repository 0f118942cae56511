"""The workspace's people, user groups and channels."""
