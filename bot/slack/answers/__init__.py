"""Answers to people: messages, cards, charts, files and views."""
