"""Operations on incidents, as data."""
