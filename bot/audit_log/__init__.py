"""The audit log itself: signed, chained, with its head outside the database."""
