"""Words for backups that several answers share: whose one is, and what it does not hold. Pure."""

from adapters.action import BOT_NAME
from adapters.phrase import Phrase


def name_owner(host: str) -> Phrase | str:
    """Names the host of a backup, or the bot."""
    return Phrase("the bot") if host == BOT_NAME else host


def describe_reason(why: str) -> Phrase:
    """Describes why a backup does not hold a file or a part."""
    match why:
        case "key":
            return Phrase("a private key, which never leaves its host")
        case "password":
            return Phrase("it holds passwords")
        case "link":
            return Phrase("a link to another place")
        case "not-managed":
            return Phrase("the configuration does not let the bot read it (manage, see docs/hosts.md)")
        case "not-allowed":
            return Phrase("the helper in WSL2 does not allow it (prepare-wsl.sh --manage, see docs/hosts.md)")
        case "unreachable":
            return Phrase("WSL2 does not respond")
        case "large":
            return Phrase("too large")
        case _:
            return Phrase("not there")
