"""The WSL2 helper's text inside prepare-wsl.sh, which people copy to a host as one file.

python -m tests.helper_text     puts docs/hosts/flatnet-bot-helper.sh into prepare-wsl.sh
"""

from pathlib import Path

HOSTS = Path(__file__).parents[1] / "docs" / "hosts"
HELPER, PREPARE = HOSTS / "flatnet-bot-helper.sh", HOSTS / "prepare-wsl.sh"
BEGIN, END = "    cat <<'END_OF_HELPER'\n", "END_OF_HELPER\n}\n"


def embed(script: str, helper: str) -> str:
    """Returns the script with that text of the helper in it."""
    head, found, rest = script.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not (found and ended):
        raise ValueError("the script has no place for the helper")
    return f"{head}{BEGIN}{helper}{END}{tail}"


if __name__ == "__main__":
    PREPARE.write_text(embed(PREPARE.read_text(), HELPER.read_text()))
