"""Tables as SQLAlchemy knows them, and their creation."""
