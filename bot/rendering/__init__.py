"""Renderers: values to Block Kit, terminal, JSON, CSV, Markdown and charts. Pure, one module per surface."""
