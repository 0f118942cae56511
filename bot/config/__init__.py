"""Configuration: flatnet.toml to settings, or to all complaints at once."""
