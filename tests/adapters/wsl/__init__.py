"""The WSL2 side, against sshd and the small shell of the lab, and against a real shell."""
