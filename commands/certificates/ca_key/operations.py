"""`ca backup`, `ca backup verify`, `ca backup drill`: the encrypted copies of the CA key. Data; `bot.backups` does it."""

from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.certificates.ca_key.create import KEY_ROLES
from commands.certificates.ca_key.judgment import parse_pasted
from commands.model.operation import OwnOperation, Risk
from commands.values.arguments import Positional

PastedCertificate = Annotated[
    str,
    Positional(
        "certificate",
        Phrase("the signed certificate in quotes. Without it, the public key to sign is shown"),
        parse_pasted,
        lambda text: (text,) if text else (),
        many=True,
    ),
]


class KeyBackupList(OwnOperation):
    """List the encrypted copies of the CA key, and the drills."""

    words: ClassVar = ("ca", "backup")
    summary: ClassVar = Phrase("encrypted copies of the CA key: recipients, places, when verified, last restore drill")
    example: ClassVar = "ca backup"
    label: ClassVar = Phrase("show the copies of the CA key")


class KeyBackupVerify(OwnOperation):
    """Verify the newest copy of the CA key at both places."""

    words: ClassVar = ("ca", "backup", "verify")
    summary: ClassVar = Phrase("verify the newest copy of the CA key: both places, recipients, and the present CA")
    example: ClassVar = "ca backup verify"
    label: ClassVar = Phrase("verify the copy of the CA key")

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return tuple(host for host in inventory.hosts if host.lighthouse)


class KeyDrill(OwnOperation):
    """Hold a drill: show a throw-away public key, and check the certificate that a person signed with the CA key."""

    words: ClassVar = ("ca", "backup", "drill")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = KEY_ROLES
    summary: ClassVar = Phrase("prove that a person can open the copy of the CA key: sign a throw-away key offline")
    example: ClassVar = "ca backup drill"
    label: ClassVar = Phrase("hold a restore drill of the CA key")

    certificate: PastedCertificate = ""
