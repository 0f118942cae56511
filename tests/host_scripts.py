"""The two scripts of docs/hosts that an administrator copies into a WSL2 distribution."""

from pathlib import Path

HOSTS = Path(__file__).parents[1] / "docs" / "hosts"
PREPARE = HOSTS / "prepare-wsl.sh"
HELPER = HOSTS / "flatnet-bot-helper.sh"
"""PREPARE finds it in its own folder and installs it with `--manage`."""
