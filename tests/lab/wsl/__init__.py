"""The WSL2 side of a lab host: sshd, a small shell, and programs that act on a simulated state."""
