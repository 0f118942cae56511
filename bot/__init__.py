"""The bot: people, permissions, time and storage. Requests arrive here, and answers leave from here."""

__version__ = "0.1.0"
