"""Snapshots of what the database holds: the statements that make its tables, and the names that are stored in it.

`python -m tests.bot.store.snapshots` writes them anew. Once a version is released, a changed name or table needs a further
revision (`CONTRIBUTING.md`): rows that hold the earlier one exist by then.
"""
