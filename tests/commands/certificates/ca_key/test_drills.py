"""The drill: which certificate proves that a person used the CA key, and what a person may paste."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import PureWindowsPath

import pytest

from adapters.inventory import Inventory
from adapters.nebula.certificates import parse_pem
from adapters.nebula.encoding import Curve
from commands.catalogue import CATALOGUE
from commands.certificates.ca_key.judgment import (
    choose_address,
    encode_public_key,
    find_fault,
    is_open,
    name_certificate,
    parse_pasted,
)
from commands.certificates.ca_key.operations import KeyDrill
from commands.language.form_filling import FormInput, build_form, fill_form
from commands.language.grammar import parse_operation, render_operation
from commands.model.backup import Drill
from commands.values.arguments import BadArgument
from commands.values.normalize import normalize_text
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, OTHER_CA, Authority, authority, host
from tests.lab.windows import nebula_cert

PARSED = parse_pem(CA.certificate)[0]
KEY = encode_public_key(Curve.CURVE25519, bytes(range(32)))
OTHER_KEY = encode_public_key(Curve.CURVE25519, bytes(32))
DRILL = Drill(
    number=1,
    authority=PARSED.fingerprint,
    public_key=KEY,
    opened_at=NOW,
    ends_at=NOW + timedelta(days=7),
    opened_by="ana",
)
NAME = name_certificate(DRILL)


def sign(
    ca: Authority = CA, *, key: str = KEY, name: str = NAME, address: str = "10.100.255.254/16", more: tuple[str, ...] = ()
) -> str:
    """A certificate as a person makes it with nebula-cert; the lifetime is ten minutes unless `more` says otherwise."""
    files = {
        PureWindowsPath(each): text for each, text in (("ca.crt", ca.certificate), ("ca.key", ca.key), ("drill.pub", key))
    }
    given = ["-ca-crt", "ca.crt", "-ca-key", "ca.key", "-in-pub", "drill.pub", "-out-crt", "drill.crt", "-name", name]
    given += ["-ip", address, *(() if "-duration" in more else ("-duration", "10m")), *more]
    done = nebula_cert.run(["sign", *given], files, NOW)
    assert done.code == 0, done.stderr
    return files[PureWindowsPath("drill.crt")]


def test_the_certificate_that_was_asked_for_passes() -> None:
    assert find_fault(sign(), DRILL, PARSED) is None


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: sign(OTHER_CA), "signed by another CA"),
        (lambda: sign(authority("Flatnet CA")), "signed by another CA"),
        (lambda: CA.certificate, "signed by another CA"),
        (lambda: sign(key=OTHER_KEY), "for another public key"),
        (lambda: sign(name="drill-00000000"), "its name is not"),
        (lambda: sign(name="host-a"), "its name is not"),
        (lambda: sign(more=("-groups", "flatnet")), "it has groups"),
        (lambda: sign(more=("-subnets", "10.87.1.0/24")), "it has groups or networks"),
        (lambda: sign(address="10.100.1.1/16"), "its address is not 10.100.255.254/16"),
        (lambda: sign(more=("-duration", "11m")), "valid for more than 10 minutes"),
        (lambda: sign(more=("-duration", "0s")), "valid for more than 10 minutes"),
    ],
)
def test_any_other_certificate_is_refused_with_the_reason(make: Callable[[], str], why: str) -> None:
    assert why in str(find_fault(make(), DRILL, PARSED))


def test_a_signature_that_was_made_with_another_key_is_found() -> None:
    renamed = PARSED.model_copy(update={"public_key": parse_pem(OTHER_CA.certificate)[0].public_key})
    assert "its signature is not valid" in str(find_fault(sign(), DRILL, renamed))


def test_the_address_is_one_that_the_ca_may_sign() -> None:
    limited = PARSED.model_copy(update={"networks": parse_pem(sign(address="10.100.7.0/24"))[0].networks})
    assert "10.100.255.254/16" == choose_address(PARSED)
    assert "10.100.7.254/24" == choose_address(limited)


def flatten(text: str) -> str:
    return text.replace("\n", " ")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: f"\n\n  {text}  ",
        flatten,
        lambda text: text.replace("\n", ""),
        lambda text: text.replace("\n", "\u00a0\n"),
    ],
)
def test_a_certificate_may_be_pasted_with_or_without_its_line_breaks(change: Callable[[str], str]) -> None:
    text = sign()
    typed = normalize_text(f'ca backup drill "{change(text)}"')
    parsed = parse_operation(typed, CATALOGUE, CATALOGUE)
    assert KeyDrill(certificate=text) == parsed
    assert parsed == parse_operation(normalize_text(render_operation(parsed)), CATALOGUE, CATALOGUE)


@pytest.mark.parametrize("change", [lambda text: text, flatten])
def test_a_form_takes_the_certificate_as_it_is_pasted(change: Callable[[str], str]) -> None:
    text = sign()
    given = FormInput({"certificate": (change(text),)})
    words = fill_form(build_form(KeyDrill), given, CATALOGUE, Inventory(hosts=(host("host-a", 1),)))
    assert isinstance(words, str)
    assert KeyDrill(certificate=text) == parse_operation(normalize_text(words), CATALOGUE, CATALOGUE)


@pytest.mark.parametrize(
    "text",
    ["x", "-----BEGIN NEBULA CERTIFICATE-----", sign()[:-40], sign() + sign(), sign().replace("A", "", 1), KEY, "9" * 4_000],
)
def test_what_is_no_single_certificate_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadArgument) as caught:
        parse_pasted((text,))
    assert ("paste the whole certificate in quotes, from -----BEGIN NEBULA CERTIFICATE to END", "") == (
        str(caught.value.phrase),
        caught.value.part,
    )


def test_a_pasted_private_key_is_called_what_it_is_and_never_repeated() -> None:
    with pytest.raises(BadArgument) as caught:
        parse_pasted((CA.key,))
    assert "this is a private key" in str(caught.value.phrase)
    assert [] == [line for line in CA.key.splitlines()[1:-1] if line in f"{caught.value.phrase}{caught.value.part}"]


def test_a_drill_is_open_for_a_week_or_until_it_passes() -> None:
    assert [True, False] == [is_open(DRILL, NOW + timedelta(days=days)) for days in (6, 7)]
    assert not is_open(DRILL.model_copy(update={"passed_at": NOW}), NOW)
