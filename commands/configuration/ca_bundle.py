"""The file of trusted CAs (`pki.ca`): its certificates, and the splices that add one or remove one. Pure.

    file ─ read_bundle ─▶ BundledAuthority, one for each block ─ edit_bundle ─▶ splices

Every other byte stays as it is: order, line ends, and remarks between the blocks. The new text is parsed again, and its list
of CAs differs by exactly the intended change.

Nebula skips a first block behind a byte order mark, and refuses a file with text after its last block or with a certificate
that is no CA. Such files are refused here, too: a person must see what that host trusts. An expired CA is only a warning to
Nebula, so it may stay.
"""

import re
from dataclasses import dataclass

from adapters.nebula.certificates import Certificate, parse_pem
from adapters.nebula.pem import BLOCK_LIMIT, TEXT_LIMIT
from adapters.phrase import Phrase
from commands.configuration.splice import Splice, Splices, UnsuitableText, require_intended

_MARK = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""

_BANNER = rb"NEBULA CERTIFICATE(?: V2)?-----[ \t]*"
_BLOCK = re.compile(rb"^-----BEGIN %b\r?$.*?^-----END %b(?:\r?\n|\r?\Z)" % (_BANNER, _BANNER), re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class BundledAuthority:
    """A CA in a file. Its block has the bytes from `begin` to `end`, with the line break after it."""

    certificate: Certificate
    begin: int
    end: int

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint


Bundle = tuple[BundledAuthority, ...]
"""The CAs of a file in their order; the same one may stand there twice."""


def read_bundle(text: bytes) -> Bundle:
    """Reads the CAs of a file. Raises `UnsuitableText` if Nebula would skip one or refuse the file."""
    places = [match.span() for match in _BLOCK.finditer(text)]
    if text.startswith(_MARK) and b"\n" not in text[: text.find(b"-----BEGIN")]:
        why = Phrase("a byte order mark at its beginning makes Nebula skip the first certificate. Save it without one first")
        raise UnsuitableText(why, 0)
    certificates = _parse(text.removeprefix(_MARK))
    if certificates != tuple(each for begin, end in places for each in _parse(text[begin:end])):
        raise UnsuitableText(Phrase("the certificates in it have no clear limits. Edit this file by hand"))
    bundle = tuple(BundledAuthority(each, *place) for each, place in zip(certificates, places, strict=True))
    for each in bundle:
        if not each.certificate.is_ca:
            why = Phrase("{name} is not a CA, so Nebula refuses the file. Remove it first", name=each.certificate.name)
            raise UnsuitableText(why, each.begin)
    return bundle


def edit_bundle(text: bytes, *, add: str = "", remove: str = "") -> Splices:
    """Makes the splices that add a CA (PEM) at the end, and remove the one with the fingerprint `remove`, all copies of it.

    A CA that is there already is not added again, and one that is absent is not removed. Raises `UnsuitableText`, also if
    no CA would be left.
    """
    bundle = read_bundle(text)
    added = _find_addition(bundle, add)
    kept = [each for each in bundle if each.fingerprint != remove]
    if not kept and added is None:
        raise UnsuitableText(Phrase("it is the only CA in the file, and Nebula does not start without one"))
    last = len(text) if added is not None else kept[-1].end
    splices = [_cut(text, each, bundle, last) for each in bundle if each.fingerprint == remove]
    if added is not None:
        splices.append(_append(text, bundle, add))

    def intend(listed: tuple[str, ...]) -> tuple[str, ...]:
        rest = tuple(each for each in listed if each != remove)
        return rest if added is None else (*rest, added.fingerprint)

    require_intended(text, splices, lambda each: tuple(one.fingerprint for one in read_bundle(each)), intend)
    return tuple(splices)


def _parse(text: bytes) -> tuple[Certificate, ...]:
    """Parses certificates. Remarks may be in any encoding, so each byte is seen as one character."""
    try:
        return parse_pem(text.decode("latin-1"))
    except ValueError as error:
        raise UnsuitableText(Phrase("not a file of CA certificates: {why}", why=str(error))) from error


def _find_addition(bundle: Bundle, certificate: str) -> Certificate | None:
    """Finds the CA to add; None if it is there, or if none is to be added."""
    if not certificate:
        return None
    (added,) = parse_pem(certificate)
    if not added.is_ca:
        raise ValueError("the certificate is not that of a CA")
    return None if any(each.fingerprint == added.fingerprint for each in bundle) else added


def _append(text: bytes, bundle: Bundle, certificate: str) -> Splice:
    """Makes the splice that adds a block after the last one, with its line ends."""
    last = bundle[-1]
    line_end = b"\r\n" if b"\r\n" in text[last.begin : last.end] else b"\n"
    block = line_end.join(line.encode("ascii") for line in certificate.split("\n") if line)
    inserted = block + line_end if text[: last.end].endswith(b"\n") else line_end + block
    if len(text) + len(inserted) > TEXT_LIMIT or len(bundle) >= BLOCK_LIMIT:
        raise UnsuitableText(Phrase("the file has no room for another CA. Remove those that have expired first"))
    return Splice(last.end, b"", inserted)


def _cut(text: bytes, gone: BundledAuthority, bundle: Bundle, last: int) -> Splice:
    """Makes the splice that removes a block. `last` is the end of the last block in the new text.

    Behind that, a remark goes, too, because Nebula refuses a file that ends with text.
    """
    begin, end = gone.begin, gone.end
    if begin >= last:
        above = max(each.end for each in bundle if each.end <= begin)
        begin = above if text[above:begin].strip() else begin
        if not text[:end].endswith(b"\n"):
            begin = len(text[:begin].removesuffix(b"\n").removesuffix(b"\r"))
    return Splice(begin, text[begin:end], b"")
