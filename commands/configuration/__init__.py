"""Configuration files of hosts as text with positions: parsing, one intended edit, its proof and its diff. Pure."""
