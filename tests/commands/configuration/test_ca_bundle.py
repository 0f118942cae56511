"""The file of trusted CAs: one is added or removed, byte for byte, or the file is refused with the reason."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.nebula.certificates import parse_pem
from adapters.nebula.pem import BLOCK_LIMIT
from commands.configuration.ca_bundle import edit_bundle, read_bundle
from commands.configuration.splice import Splices, UnsuitableText, apply_splices
from tests.commands.canned_certs import CA, OTHER_CA, Authority, authority

NEW, ENDED = authority("Flatnet CA 2"), authority("Ended CA", days=-3)
MANY = tuple(authority(f"CA {number}") for number in range(20))
MARK = b"\xef\xbb\xbf"


def text_of(*authorities: Authority) -> bytes:
    return "".join(each.certificate for each in authorities).encode()


def fingerprint_of(one: Authority) -> str:
    return parse_pem(one.certificate)[0].fingerprint


def add(text: bytes, new: Authority = NEW) -> bytes:
    return apply_splices(text, edit_bundle(text, add=new.certificate))


def remove(text: bytes, old: Authority = CA) -> bytes:
    return apply_splices(text, edit_bundle(text, remove=fingerprint_of(old)))


OLD, NEW_BLOCK = text_of(CA), text_of(NEW)
REMARKED = b"# \x8e\xc0\x8c\xb1 of 2024\n\n" + OLD + b"\n# the other one\n" + text_of(OTHER_CA)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(OLD, OLD + NEW_BLOCK, id="one CA"),
        pytest.param(OLD.rstrip(), OLD + NEW_BLOCK.rstrip(), id="no newline at the end"),
        pytest.param(OLD.replace(b"\n", b"\r\n"), (OLD + NEW_BLOCK).replace(b"\n", b"\r\n"), id="line ends of Windows"),
        pytest.param(
            OLD.replace(b"\n", b"\r\n").rstrip(),
            (OLD + NEW_BLOCK).replace(b"\n", b"\r\n").rstrip(),
            id="line ends of Windows, none at the end",
        ),
        pytest.param(REMARKED, REMARKED + NEW_BLOCK, id="remarks in another encoding between the blocks"),
        pytest.param(MARK + b"# CAs\n" + OLD, MARK + b"# CAs\n" + OLD + NEW_BLOCK, id="a byte order mark before a remark"),
        pytest.param(text_of(ENDED, CA), text_of(ENDED, CA, NEW), id="an expired CA stays"),
        pytest.param(text_of(CA, CA), text_of(CA, CA, NEW), id="one CA twice"),
        pytest.param(text_of(*MANY), text_of(*MANY, NEW), id="20 CAs"),
    ],
)
def test_a_ca_is_added_at_the_end_and_removed_again(before: bytes, after: bytes) -> None:
    assert after == add(before)
    assert before == remove(after, NEW)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(text_of(CA, NEW), NEW_BLOCK, id="the first"),
        pytest.param(text_of(NEW, CA), NEW_BLOCK, id="the last"),
        pytest.param(text_of(CA, NEW, CA), NEW_BLOCK, id="two of one fingerprint"),
        pytest.param(text_of(OTHER_CA, CA, NEW), text_of(OTHER_CA, NEW), id="between others"),
        pytest.param(text_of(ENDED, CA, NEW), text_of(ENDED, NEW), id="an expired CA stays"),
        pytest.param(b"# old\n" + OLD + b"# new\n" + NEW_BLOCK, b"# old\n# new\n" + NEW_BLOCK, id="remarks stay"),
        pytest.param(
            b"# new\n" + NEW_BLOCK + b"# old\n" + OLD + b"\n",
            b"# new\n" + NEW_BLOCK + b"\n",
            id="a remark that would be last",
        ),
        pytest.param(NEW_BLOCK + OLD.rstrip(), NEW_BLOCK.rstrip(), id="the last, no newline at the end"),
        pytest.param(text_of(*MANY, CA), text_of(*MANY), id="one of 21"),
    ],
)
def test_a_ca_is_removed_and_all_else_stays(before: bytes, after: bytes) -> None:
    assert after == remove(before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(OLD, NEW_BLOCK, id="the only one"),
        pytest.param(OLD.rstrip(), b"\n" + NEW_BLOCK.rstrip(), id="the only one, no newline at the end"),
        pytest.param(text_of(CA, OTHER_CA), text_of(OTHER_CA, NEW), id="one of two"),
        pytest.param(text_of(CA, NEW), NEW_BLOCK, id="the new one is there"),
        pytest.param(b"# old\n" + OLD, b"# old\n" + NEW_BLOCK, id="a remark before it"),
    ],
)
def test_a_leaked_ca_is_replaced_in_one_edit(before: bytes, after: bytes) -> None:
    edit = edit_bundle(before, add=NEW.certificate, remove=fingerprint_of(CA))
    assert after == apply_splices(before, edit)


@pytest.mark.parametrize(
    "splices",
    [
        pytest.param(edit_bundle(text_of(CA, NEW), add=NEW.certificate), id="the CA is there"),
        pytest.param(edit_bundle(OLD, remove=fingerprint_of(NEW)), id="the CA is absent"),
        pytest.param(edit_bundle(OLD), id="nothing is asked for"),
    ],
)
def test_what_is_so_already_needs_no_edit(splices: Splices) -> None:
    assert () == splices


KEY_BLOCK = CA.key.encode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(MARK + OLD + NEW_BLOCK, "byte order mark", id="a byte order mark before the first block"),
        pytest.param(b"", "no PEM block", id="an empty file"),
        pytest.param(b"# CAs\n", "no PEM block", id="remarks alone"),
        pytest.param(OLD + b"# the end\n", "text after the last block", id="text at the end"),
        pytest.param(OLD[:-40], "ends within a block", id="cut off"),
        pytest.param(OLD.replace(b"-----END", b"----END"), "damaged", id="a damaged boundary"),
        pytest.param(OLD + KEY_BLOCK, "PRIVATE KEY", id="with the key"),
        pytest.param(OLD + CA.sign("host-a", "10.100.1.1/16")[0].encode(), "host-a is not a CA", id="a host's certificate"),
        pytest.param(OLD.decode().encode("utf-16"), "no PEM block", id="UTF-16"),
        pytest.param(OLD * (BLOCK_LIMIT + 1), "too many", id="too many blocks"),
    ],
)
def test_a_file_that_nebula_reads_otherwise_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(UnsuitableText, match=why):
        read_bundle(text)


@pytest.mark.parametrize(
    ("text", "add", "remove", "why"),
    [
        pytest.param(OLD, "", fingerprint_of(CA), "only CA", id="the only CA"),
        pytest.param(text_of(CA, CA), "", fingerprint_of(CA), "only CA", id="the only CA, twice"),
        pytest.param(OLD * BLOCK_LIMIT, NEW.certificate, "", "no room", id="a full file"),
    ],
)
def test_an_edit_that_would_leave_a_host_without_trust_is_refused(text: bytes, add: str, remove: str, why: str) -> None:
    with pytest.raises(UnsuitableText, match=why):
        edit_bundle(text, add=add, remove=remove)


def test_the_certificate_of_a_host_is_never_added() -> None:
    with pytest.raises(ValueError, match="not that of a CA"):
        edit_bundle(OLD, add=CA.sign("host-a", "10.100.1.1/16")[0])


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "\n", "# a\n", "# 日本\r\n"]), st.sampled_from((CA, OTHER_CA, ENDED))), min_size=1
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n", "\n\n \n"]),
)
def test_what_was_added_is_removed_without_a_trace(blocks: list[tuple[str, Authority]], line_end: str, tail: str) -> None:
    joined = "".join(remark + each.certificate for remark, each in blocks).replace("\r\n", "\n").rstrip() + tail
    before = joined.replace("\n", line_end).encode()
    assert before == remove(add(before), NEW)


@pytest.mark.skipif(shutil.which("nebula-cert") is None, reason="NO NEBULA: the edited file was not read by nebula-cert")
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_the_real_nebula_cert_trusts_the_added_ca_and_no_longer_the_removed_one(tmp_path: Path, line_end: str) -> None:
    """Its clock is the real one, so the CAs are those of now."""
    for name in ("old", "new"):
        made = ["ca", "-name", name, "-out-crt", f"{name}.crt", "-out-key", f"{name}.key"]
        signed = ["sign", "-ca-crt", f"{name}.crt", "-ca-key", f"{name}.key", "-name", "h", "-ip", "10.100.1.1/16"]
        _run(tmp_path, *made)
        _run(tmp_path, *signed, "-out-crt", f"of-{name}.crt", "-out-key", f"of-{name}.key")
    old, new = ((tmp_path / f"{name}.crt").read_text() for name in ("old", "new"))
    before = ("# CA\n" + old).replace("\n", line_end).encode()
    both = apply_splices(before, edit_bundle(before, add=new))
    alone = apply_splices(both, edit_bundle(both, remove=parse_pem(old)[0].fingerprint))

    assert [(True, False), (True, True), (False, True)] == [_trusts(tmp_path, text) for text in (before, both, alone)]


def _run(folder: Path, *arguments: str) -> int:
    return subprocess.run(["nebula-cert", *arguments], cwd=folder, check=False, capture_output=True).returncode


def _trusts(folder: Path, bundle: bytes) -> tuple[bool, bool]:
    """Whether a certificate of the old CA is trusted, and one of the new."""
    (folder / "bundle.crt").write_bytes(bundle)
    old, new = (_run(folder, "verify", "-ca", "bundle.crt", "-crt", f"of-{name}.crt") == 0 for name in ("old", "new"))
    return old, new
