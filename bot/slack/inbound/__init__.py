"""Deliveries from Slack: listeners, the inbox worker and one module per kind of delivery."""
