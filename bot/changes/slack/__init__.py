"""Changes in Slack: the card, its buttons, the plan. Pure."""
