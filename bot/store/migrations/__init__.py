"""The tables' revisions, for Alembic."""
