"""Operations on the bot's own state, as data."""
