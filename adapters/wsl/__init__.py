"""The WSL2 side of a host: SSH in, argument lists out."""
