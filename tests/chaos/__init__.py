"""Several copies of the bot as real processes, harmed at random instants while people work; and what must hold afterwards.

`python -m tests.chaos --rounds 100 [--seed N]` (`make chaos`).
"""
