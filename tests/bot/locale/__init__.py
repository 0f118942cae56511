"""Languages, dates, numbers, and a catalogue without gaps."""
