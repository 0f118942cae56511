"""Log lines: formats, times, merging, patterns, redaction."""
