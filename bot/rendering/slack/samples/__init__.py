"""Samples of every message and view that the bot can send, made from invented values. Pure.

`flatnet-bot doctor --slack` has Slack check them. They are as full as the budgets allow, because Slack refuses what is too
long or too many. A test holds the set complete: every renderer, every state, and every shape of block.
"""
