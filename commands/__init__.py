"""Operations: parses requests into operations, makes reports of reads and plans of changes."""
