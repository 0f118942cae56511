"""Steps that renew the certificate of one host. Each is proven, and rolled back if a later one fails.

make keys on the host ─▶ sign on the lighthouse ─▶ test beside the live pair ─▶ put in place (planning.commit_confirm)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PureWindowsPath

from adapters.inventory import Host, WindowsSide
from adapters.nebula.certificates import Certificate
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import WINDOW, BeginChange, FileSwap
from adapters.windows.nebula import ForgetFolder, MakeKeyPair, ReadCertificates, SignCertificate, StageCertificate
from commands.certs.inventory import Held
from commands.model.plan import Check, Deed, Part, Product, Step
from commands.planning.commit_confirm import PROVING, REVERTING, Taken, Tunnel, begin, confirm, gateway_answers, side_of


@dataclass(frozen=True)
class Renewal:
    """Renewal of one host. `lifetime` is in hours.

    `is_working`: the present certificate works, so a tunnel can prove a rollback. `gateway_answers`: it answers now.
    """

    held: Held
    lighthouse: Held
    ca: Certificate
    witnesses: tuple[Host, ...]
    lifetime: int
    operation: str
    proven: bool
    gateway: bool

    @property
    def host(self) -> Host:
        return self.held.host

    @property
    def certificate(self) -> Certificate:
        """The present certificate."""
        assert self.held.certificate is not None
        return self.held.certificate

    @property
    def tunnel(self) -> Tunnel:
        return Tunnel(self.host, self.lighthouse.host, self.witnesses, self.certificate.name)

    def key(self, name: str) -> str:
        """Makes the key of a step."""
        return f"{self.host.name}/{name}"


def part(renewal: Renewal) -> Part:
    """Builds the part of one host."""
    host, tunnel = renewal.host, renewal.tunnel
    patience = PROVING / (tunnel.proofs + renewal.gateway)
    steps = (
        *_prepared(renewal),
        *tunnel.noted(),
        begin(_replacing(renewal)),
        *tunnel.proven(Product(step=renewal.key("sign"), field="fingerprint"), patience),
        *((gateway_answers(host, patience),) if renewal.gateway else ()),
        confirm(host, renewal.operation),
    )
    return Part(host=host.name, steps=steps)


def _prepared(renewal: Renewal) -> Iterator[Step]:
    """Builds the steps that do not touch anything live."""
    side, paths = side_of(renewal.host), renewal.held.paths
    here, there = _folder(side, renewal.operation), _folder(side_of(renewal.lighthouse.host), renewal.operation)
    yield Step(
        key=renewal.key("keys"),
        host=renewal.host.name,
        deed=Deed.of(MakeKeyPair(folder=here, nebula_cert_exe=paths.nebula_cert_exe)),
        phrase=Phrase("make a key pair; the private key stays on {host}", host=renewal.host.name),
        undo=Deed.of(ForgetFolder(folder=here)),
        undo_phrase=Phrase("remove the new key pair"),
    )
    yield Step(
        key=renewal.key("sign"),
        host=renewal.lighthouse.host.name,
        deed=Deed.of(_signing(renewal, there), public_key=Product(step=renewal.key("keys"), field="public_key")),
        phrase=Phrase(
            "sign it with {ca} for {days} days, not past the CA's own end",
            ca=renewal.ca.name,
            days=renewal.lifetime // 24,
        ),
        undo=Deed.of(ForgetFolder(folder=there)),
        undo_phrase=Phrase("remove the new certificate"),
    )
    staged = StageCertificate(
        folder=here,
        certificate="",
        nebula_exe=paths.nebula_exe,
        nebula_cert_exe=paths.nebula_cert_exe,
        config=paths.nebula_config,
        ca=paths.ca_certificate,
    )
    yield Step(
        key=renewal.key("stage"),
        host=renewal.host.name,
        deed=Deed.of(staged, certificate=Product(step=renewal.key("sign"), field="certificate")),
        phrase=Phrase("try the new pair with nebula -test, beside the live one"),
        undo=Deed.of(ForgetFolder(folder=here)),
        undo_phrase=Phrase("remove the new pair"),
    )
    if renewal.host != renewal.lighthouse.host:
        yield Step(
            key=renewal.key("tidy"),
            host=renewal.lighthouse.host.name,
            deed=Deed.of(ForgetFolder(folder=there)),
            phrase=Phrase("remove the working folder"),
        )


def _signing(renewal: Renewal, there: str) -> SignCertificate:
    """Builds the signing action without its public key, which an earlier step makes. It is validated when it runs."""
    paths, certificate = renewal.lighthouse.paths, renewal.certificate
    return SignCertificate.model_construct(
        folder=there,
        nebula_cert_exe=paths.nebula_cert_exe,
        ca_certificate=paths.ca_certificate,
        ca_key=paths.ca_key,
        ca_fingerprint=renewal.ca.fingerprint,
        name=certificate.name,
        networks=tuple(map(str, certificate.networks)),
        unsafe_networks=tuple(map(str, certificate.unsafe_networks)),
        groups=certificate.groups,
        public_key="",
        lifetime=renewal.lifetime,
    )


def _replacing(renewal: Renewal) -> Taken:
    """Builds the change that replaces the old pair by the new one."""
    host, side, paths = renewal.host, side_of(renewal.host), renewal.held.paths
    here = PureWindowsPath(_folder(side, renewal.operation))
    change = BeginChange(
        operation=renewal.operation,
        service=side.nebula_service,
        verb="restart",
        swaps=(
            FileSwap(source=str(here / "host.crt"), target=paths.host_certificate),
            FileSwap(source=str(here / "host.key"), target=paths.host_key),
        ),
    )
    phrase = Phrase(
        "put the new pair in place and restart Nebula; unconfirmed for {window} s, {host} puts the old pair back alone",
        window=WINDOW,
        host=host.name,
    )
    return Taken(host, change, phrase, Phrase("put the old pair back and restart Nebula"), tuple(_back(renewal)))


def _back(renewal: Renewal) -> Iterator[Check]:
    """Builds the checks that the old pair is back, and carries a tunnel if it did before."""
    files = renewal.held.files
    assert files is not None
    yield Check(
        host=renewal.host.name,
        deed=Deed.of(ReadCertificates.of(side_of(renewal.host))),
        expect={"certificate": files.certificate},
        patience=REVERTING,
    )
    if renewal.proven:
        yield renewal.tunnel.back()


def _folder(side: WindowsSide, operation: str) -> str:
    """Builds the path of an operation's working folder on a host."""
    return str(PureWindowsPath(side.paths.base) / "operations" / operation)
