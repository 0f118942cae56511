"""Messages to Slack: the outbox, its routes and its rate limit."""
