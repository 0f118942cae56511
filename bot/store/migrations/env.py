"""Run by Alembic: the connection is handed in by `bot.store.upgrade`, and the transaction is its own."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
