"""People, permission, time and memory: where requests arrive and answers leave."""

__version__ = "0.1.0"
