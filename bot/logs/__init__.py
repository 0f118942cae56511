"""Lines of logs in answers, and the archive of evidence."""
