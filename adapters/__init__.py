"""How a host is reached, what can be seen there, what can be done there."""
