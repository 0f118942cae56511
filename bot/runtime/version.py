"""Version of the installed distribution: the one in `pyproject.toml` when it was built."""

from importlib import metadata


def find_version() -> str:
    """Return the version of the installed `flatnet-bot`."""
    return metadata.version("flatnet-bot")
