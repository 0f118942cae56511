"""The bot: people, permissions, time and storage. Requests arrive here, and answers leave from here."""
