"""Address for programs that monitor the bot: a loopback address and a port, and nothing else."""

import ipaddress
import re
from dataclasses import dataclass

from adapters.inventory import InvalidSetting
from adapters.phrase import Phrase

EXAMPLE = "127.0.0.1:9464"


@dataclass(frozen=True)
class Loopback:
    """A loopback address and a port (0: any free one)."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Loopback":
        """Parse `127.0.0.1:9464` or `[::1]:9464`.

        Raises `InvalidSetting` for addresses that other machines can reach, and for names, whose address may change.
        """
        parts = re.fullmatch(r"(?:\[([0-9a-fA-F:.]{2,45})\]|([0-9.]{7,15})):([0-9]{1,5})", text)
        if parts is None or int(parts[3]) > 65535:
            raise InvalidSetting(Phrase("must be an address and a port such as {example}", example=EXAMPLE))
        host = parts[1] or parts[2]
        try:
            loopback = ipaddress.ip_address(host).is_loopback
        except ValueError as error:
            raise InvalidSetting(Phrase("must be an address and a port such as {example}", example=EXAMPLE)) from error
        if not loopback:
            raise InvalidSetting(
                Phrase("must be a loopback address such as {example} (access is not authenticated)", example=EXAMPLE)
            )
        return cls(host, int(parts[3]))
