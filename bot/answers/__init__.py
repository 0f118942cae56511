"""Renders any answer: in a terminal, as JSON and CSV, as Markdown, in Slack."""
