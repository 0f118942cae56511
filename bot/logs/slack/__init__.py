"""Lines of logs in Slack: the message and the filter. Pure."""
