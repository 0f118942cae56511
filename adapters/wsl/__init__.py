"""The WSL2 side of a host: argument lists run over SSH."""
