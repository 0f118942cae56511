"""Runtime services of the process: clock, logging, periodic tasks, threads, open files, listeners."""
