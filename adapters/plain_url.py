"""URLs of hosts. Libraries differ in how they read unusual ones, so only plain ones are taken. Pure."""

import ipaddress
import re
from urllib.parse import urlsplit


def is_plain_url(url: str) -> bool:
    """Returns whether a text is an http or https URL with a host, perhaps a port and a path, and nothing else."""
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return (
        port_is_good
        and re.fullmatch(r"[!-~]+", url) is not None
        and parts.scheme in ("http", "https")
        and is_host_address(parts.hostname or "")
        and "@" not in parts.netloc
        and not parts.query
        and not parts.fragment
    )


def is_host_address(name: str) -> bool:
    """Returns whether a name is an IP address or a host name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", name) is not None
    return True
