"""The lab's nebula-cert is held against the real one: each reads what the other makes, and both say the same."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path, PureWindowsPath

import pytest

from adapters.nebula import pem
from adapters.nebula.certificates import is_signed_by, parse_pem
from tests.adapters.nebula_samples import Sample, sample, samples
from tests.lab.windows.nebula_cert import Completed, run
from tests.lab.windows.nebula_cert_call import Files

needs_nebula_cert = pytest.mark.skipif(shutil.which("nebula-cert") is None, reason="needs Debian's nebula-cert")
NOW = datetime(2026, 11, 25, 12, 0, 0, 250_000, tzinfo=UTC)


class Both:
    """The same files for the real program and for the lab's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def real(self, *arguments: str) -> Completed:
        """What the real program says now."""
        done = subprocess.run(["nebula-cert", *arguments], cwd=self._folder, capture_output=True, timeout=30)
        return Completed(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ours(self, *arguments: str) -> Completed:
        """What the lab's program says now of the same files; what it writes lies beside them."""
        files = self.files()
        before = dict(files)
        done = run(arguments, files, datetime.now(UTC))
        for path, text in files.items():
            if before.get(path) != text:
                (self._folder / str(path)).write_text(text, "utf-8")
        return done

    def files(self) -> Files:
        """All that lies there now."""
        return {PureWindowsPath(path.name): path.read_text("utf-8") for path in self._folder.iterdir()}

    def drop(self, names: Sequence[str]) -> None:
        """Remove files that a run may have made."""
        for name in names:
            (self._folder / name).unlink(missing_ok=True)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """A folder with CAs, keys and hosts of the lab's making."""
    folder = Both(tmp_path_factory.mktemp("nebula"))
    (tmp := folder._folder).joinpath("garbage.crt").write_text("garbage\n")
    tmp.joinpath("empty.crt").write_text("")
    tmp.joinpath("encrypted.key").write_text(pem.encode_block("NEBULA ED25519 ENCRYPTED PRIVATE KEY", bytes(64)))
    tmp.joinpath("short.key").write_text(pem.encode_block("NEBULA ED25519 PRIVATE KEY", bytes(32)))
    for arguments in (
        ("ca", "-name", "Lab CA", "-out-crt", "ca.crt", "-out-key", "ca.key"),
        ("ca", "-name", "Other CA", "-out-crt", "ca2.crt", "-out-key", "ca2.key", "-duration", "1h30m"),
        ("ca", "-name", "P256 CA", "-out-crt", "p256.crt", "-out-key", "p256.key", "-curve", "P256"),
        (
            *("ca", "-name", "Limited CA", "-out-crt", "limited.crt", "-out-key", "limited.key", "-groups", "a, b"),
            *("-ips", "10.100.0.0/16,10.102.0.1/16", "-subnets", "192.168.7.9/24"),
        ),
        ("keygen", "-out-key", "host.key", "-out-pub", "host.pub"),
        ("keygen", "-out-key", "p256-host.key", "-out-pub", "p256-host.pub", "-curve", "P256"),
        ("sign", "-name", "host-a", "-ip", "10.100.1.1/16", "-groups", " flatnet , gateway,,x", "-in-pub", "host.pub"),
        ("sign", "-name", "実験 <&>", "-ip", "10.100.1.2/16", "-out-crt", "odd.crt", "-out-key", "odd.key"),
        (
            *("sign", "-name", "host-p", "-ip", "10.100.1.3/16", "-ca-crt", "p256.crt", "-ca-key", "p256.key"),
            *("-subnets", "192.168.7.9/24,172.16.0.0/12", "-in-pub", "p256-host.pub", "-duration=720h"),
        ),
        (
            *("sign", "-name", "host-l", "-ip", "10.102.7.7/24", "-ca-crt", "limited.crt", "-ca-key", "limited.key"),
            *("-groups", "b", "-subnets", "192.168.7.128/25", "-duration", "1h"),
        ),
    ):
        assert Completed(0, "", "") == folder.ours(*arguments)
    texts = {name: tmp.joinpath(name).read_text() for name in ("ca.crt", "ca2.crt", "host-a.crt")}
    tmp.joinpath("bundle.crt").write_text(texts["ca.crt"] + texts["ca2.crt"])
    tmp.joinpath("backwards.crt").write_text(texts["ca2.crt"] + texts["ca.crt"])
    tmp.joinpath("torn.crt").write_text(texts["ca.crt"] + "torn\n")
    body = next(body for _, body in pem.read_blocks(texts["host-a.crt"]))
    tmp.joinpath("forged.crt").write_text(pem.encode_block("NEBULA CERTIFICATE", body.replace(b"host-a", b"host-b")))
    return folder


SAYINGS = (
    # print
    "print -json -path ca.crt",
    "print -path ca.crt",
    "print -json -path host-a.crt",
    "print -path host-a.crt",
    "print -json=true --path=odd.crt",
    "print -json -path host-p.crt",
    "print -path host-l.crt",
    "print -json -path limited.crt",
    "print -json -path bundle.crt",
    "print -json -path torn.crt",
    "print -json -path forged.crt",
    "print -json -path missing.crt",
    "print -json -path ca.key",
    "print -json -path garbage.crt",
    "print -json -path empty.crt",
    "print -json",
    "print -json=maybe -path ca.crt",
    "print -path",
    # verify
    "verify -ca ca.crt -crt host-a.crt",
    "verify -ca bundle.crt -crt host-a.crt",
    "verify -ca limited.crt -crt host-l.crt",
    "verify -ca p256.crt -crt host-p.crt",
    "verify -ca ca2.crt -crt host-a.crt",
    "verify -ca ca.crt -crt forged.crt",
    "verify -ca host-a.crt -crt host-a.crt",
    "verify -ca ca.crt -crt ca.crt",
    "verify -ca ca.crt -crt missing.crt",
    "verify -ca missing.crt -crt host-a.crt",
    "verify -ca torn.crt -crt host-a.crt",
    "verify -ca ca.crt",
    # sign
    "sign -name host-b -ip 10.100.1.9/16 -ca-crt nope.crt",
    "sign -name host-b -ip 10.100.1.9/16 -ca-key nope.key",
    "sign -name host-b -ip 10.100.1.9/16 -ca-key ca2.key",
    "sign -name host-b -ip 10.100.1.9/16 -ca-key p256.key",
    "sign -name host-b -ip 10.100.1.9/16 -ca-key host.key",
    "sign -name host-b -ip 10.100.1.9/16 -ca-key short.key",
    "sign -name host-b -ip 10.100.1.9/16 -ca-key empty.crt",
    "sign -name host-b -ip 10.100.1.9/16 -ca-crt garbage.crt",
    "sign -name host-b -ip 10.100.1.9/16 -ca-crt ca.key",
    "sign -name host-b -ip 10.100.1.9/16 -ca-crt backwards.crt",
    "sign -name host-b -ip 10.100.1.9/16 -duration 87600h",
    "sign -name host-b -ip 10.100.1.9/16 -duration 3d",
    "sign -name host-b -ip 10.100.1.9/16 -ca-key encrypted.key",
    "sign -name host-a -ip 10.100.1.1/16 -in-pub host.pub",
    "sign -name host-b -ip 10.100.1.9/16 -out-key host.key -out-crt new.crt",
    "sign -name host-b -ip 10.100.1.9/16 -out-key new.key -in-pub host.pub",
    "sign -name host-b -ip 10.100.1.9/16 -in-pub missing.pub",
    "sign -name host-b -ip 10.100.1.9/16 -in-pub host.key",
    "sign -name host-b -ip 10.100.1.9/16 -in-pub p256-host.pub",
    "sign -name host-b -ip 10.100.1.9/16 -in-pub garbage.crt",
    "sign -name host-b -ip 10.100.1.9",
    "sign -name host-b -ip fd00::1/64",
    "sign -name host-b -ip 10.100.1.9/16 -subnets 192.168.7.0/24,192.168.8.0",
    "sign -name host-b -ip 10.100.1.9/16 -subnets fd00::/64",
    "sign -name host-b",
    "sign -ip 10.100.1.9/16",
    "sign -name host-b -ip 10.100.1.9/16 -version 2",
    "sign -name host-b -ip 10.100.1.9/16 -ca-crt limited.crt -ca-key limited.key -groups a,other",
    "sign -name host-b -ip 10.101.1.9/16 -ca-crt limited.crt -ca-key limited.key -groups a",
    "sign -name host-b -ip 10.100.1.9/8 -ca-crt limited.crt -ca-key limited.key -groups a",
    "sign -name host-b -ip 10.100.1.9/16 -ca-crt limited.crt -ca-key limited.key -subnets 192.168.0.0/16",
    # the rest
    "ca -name again",
    "ca -name again -out-key new.key",
    "ca",
    "ca -name again -duration 0s",
    "ca -name again -duration -1h",
    "ca -name again -argon-memory x",
    "keygen -out-key new.key",
    "keygen -out-key new.key -out-pub new.pub -curve P521",
    "ca -h",
    "sign -help",
    "print -h",
    "verify -h",
    "keygen -h",
    "-version",
    "bogus",
    "",
)


@needs_nebula_cert
@pytest.mark.parametrize("words", SAYINGS)
def test_both_programs_end_and_speak_alike(both: Both, words: str) -> None:
    """Of the same files, code, output and errors are the same to the letter."""
    ours = both.ours(*words.split())
    both.drop(("new.key", "new.crt", "new.pub", "host-b.crt", "host-b.key"))
    real = both.real(*words.split())
    both.drop(("new.key", "new.crt", "new.pub", "host-b.crt", "host-b.key"))

    assert real == ours


@needs_nebula_cert
def test_the_lab_signs_with_what_the_real_program_made(both: Both) -> None:
    """And the real one takes the outcome; both curves."""
    for curve in ("25519", "P256"):
        assert Completed(0, "", "") == both.real(
            "ca", "-name", "Real", "-curve", curve, "-out-crt", f"r{curve}.crt", "-out-key", f"r{curve}.key"
        )
        both.real("keygen", "-curve", curve, "-out-key", "r.key", "-out-pub", "r.pub")
        made = f"by-{curve}.crt"
        signing = ("sign", "-name", "host-r", "-ip", "10.100.9.9/16", "-in-pub", "r.pub", "-out-crt", made)
        assert Completed(0, "", "") == both.ours(*signing, "-ca-crt", f"r{curve}.crt", "-ca-key", f"r{curve}.key")
        assert Completed(0, "", "") == both.real("verify", "-ca", f"r{curve}.crt", "-crt", made)


@pytest.mark.parametrize("one", samples("certificates"), ids=str)
def test_the_lab_prints_the_samples_as_the_real_program_printed_them(one: Sample) -> None:
    """Without the real program at hand."""
    if one.name in ("host-zero-network", "host-a printed in Tokyo", "name-long-254"):
        return
    version = one.program.partition("-")[0]
    done = run(["print", "-json", "-path", "one.crt"], {PureWindowsPath("one.crt"): one.pem}, NOW, version)

    assert Completed(0, one.printed, "") == done


ODD = {"no-signature", "1.10.3-v2 extra-byte"}
"""Read by nebula-cert, never by us."""


@pytest.mark.parametrize("one", samples("broken"), ids=str)
def test_the_lab_takes_damaged_files_as_the_real_program_takes_them(one: Sample) -> None:
    """Skipping broken blocks in silence, too."""
    if {one.name, str(one)} & ODD:
        return
    version = one.program.partition("-")[0]
    done = run(["print", "-json", "-path", "one.crt"], {PureWindowsPath("one.crt"): one.pem}, NOW, version)

    assert (one.exit, one.printed) == (done.code, done.stdout)


def test_an_expired_ca_signs_nothing_and_an_expired_certificate_is_told() -> None:
    """The clock is the host's, which a test can put anywhere; the real texts."""
    files: Files = {}
    assert Completed(0, "", "") == run(["ca", "-name", "Short", "-duration", "2h"], files, NOW)
    assert Completed(0, "", "") == run(["sign", "-name", "h", "-ip", "10.1.1.1/16", "-duration", "1h"], files, NOW)

    later, late = NOW + timedelta(hours=1, seconds=1), NOW + timedelta(hours=3)
    verify = ["verify", "-ca", "ca.crt", "-crt", "h.crt"]

    assert "" == run(verify, files, NOW).stderr
    assert "Error: certificate is expired\n" == run(verify, files, later).stderr
    assert "Error: error while adding ca cert to pool: Short: certificate is expired\n" == run(verify, files, late).stderr
    assert "Error: ca certificate is expired\n" == run(["sign", "-name", "i", "-ip", "10.1.1.2/16"], files, late).stderr


def test_without_a_duration_a_host_ends_one_second_before_its_ca() -> None:
    """So do durations of nothing, and negative ones, in silence."""
    files: Files = {}
    run(["ca", "-name", "CA"], files, NOW)
    (ca,) = parse_pem(files[PureWindowsPath("ca.crt")])

    for name, lifetime in (("a", ()), ("b", ("-duration", "0s")), ("c", ("-duration", "-5h"))):
        run(["sign", "-name", name, "-ip", "10.1.1.1/16", *lifetime], files, NOW)
        (host,) = parse_pem(files[PureWindowsPath(f"{name}.crt")])
        assert (ca.not_after - timedelta(seconds=1), True) == (host.not_after, is_signed_by(host, ca))


def test_a_name_is_a_file_name_as_it_is_to_the_real_program() -> None:
    """The trap that the bot has to keep people out of."""
    files: Files = {}
    run(["ca", "-name", "CA"], files, NOW)
    run(["sign", "-name", "../evil", "-ip", "10.1.1.1/16"], files, NOW)

    assert PureWindowsPath("../evil.crt") in files


def test_the_recorded_sentences_of_the_operators_facts_hold_without_the_real_program() -> None:
    """The messages that scripts meet most, as they were recorded."""
    files: Files = {PureWindowsPath("ca.crt"): sample("1.9.3-v1", "ca").pem, PureWindowsPath("k"): "x"}
    for words, said in (
        ("print -path missing.crt", "unable to read cert; open missing.crt: no such file or directory"),
        ("sign -name a -ip 10.1.1.1/16", "error while reading ca-key: open ca.key: no such file or directory"),
        ("sign -name a -ip 10.1.1.1/16 -ca-key k", "error while parsing ca-key: input did not contain a valid PEM"),
        ("sign -name a -ip 10.1.1.1/16 -duration 3d", 'invalid value "3d" for flag -duration: parse error'),
    ):
        assert re.search(re.escape(f"Error: {said}"), run(words.split(), files, NOW).stderr)


@pytest.mark.parametrize("curve", ["25519", "P256"])
@pytest.mark.parametrize(
    ("program", "options", "version"),
    [("1.9.3", (), 1), ("1.10.3", (), 2), ("1.10.3", ("-version", "2"), 2), ("1.10.3", ("-version", "1"), 1)],
)
def test_a_new_ca_has_the_version_of_its_program_where_none_is_named(
    program: str, options: tuple[str, ...], version: int, curve: str
) -> None:
    """And a host's certificate follows its CA."""
    files: Files = {}
    assert Completed(0, "", "") == run(["ca", "-name", "CA", "-curve", curve, *options], files, NOW, program)
    assert Completed(0, "", "") == run(["sign", "-name", "h", "-ip", "10.1.1.1/16"], files, NOW, program)
    (ca,), (host,) = (parse_pem(files[PureWindowsPath(name)]) for name in ("ca.crt", "h.crt"))

    assert ((version, curve), (version, curve)) == ((ca.version, ca.curve.value[-5:]), (host.version, host.curve.value[-5:]))
    assert is_signed_by(host, ca)
    assert Completed(0, "", "") == run(["verify", "-ca", "ca.crt", "-crt", "h.crt"], files, NOW, program)


@needs_nebula_cert
@pytest.mark.parametrize("curve", ["25519", "P256"])
def test_the_real_program_verifies_what_a_newer_one_made_in_version_1_and_not_in_version_2(
    curve: str, tmp_path: Path
) -> None:
    files: Files = {}
    for version, said in (("1", ""), ("2", "bytes did not contain a proper nebula certificate banner")):
        files.clear()
        run(["ca", "-name", "CA", "-curve", curve, "-version", version], files, NOW, "1.10.3")
        run(["sign", "-name", "h", "-networks", "10.1.1.1/16"], files, NOW, "1.10.3")
        for path, text in files.items():
            (tmp_path / path.name).write_text(text)
        real = Both(tmp_path).real("verify", "-ca", "ca.crt", "-crt", "h.crt")
        assert (bool(said), True) == (bool(real.code), said in real.stderr)


def test_a_newer_program_says_what_its_source_says() -> None:
    """Of 1.10, which Debian does not have: recorded, or read in its source."""
    files: Files = {}
    run(["ca", "-name", "CA", "-version", "1", "-duration", "2h", "-networks", "10.1.0.0/16"], files, NOW, "1.10.3")
    run(["ca", "-name", "Other", "-out-crt", "other.crt", "-out-key", "other.key"], files, NOW, "1.10.3")
    run(["sign", "-name", "h", "-networks", "10.1.1.1/16", "-duration", "1h"], files, NOW, "1.10.3")
    (other,), (host,) = (parse_pem(files[PureWindowsPath(name)]) for name in ("other.crt", "h.crt"))

    for words, said in (
        ("ca -name x -version 3", "-version must be either 1 or 2"),
        ("ca -name x -curve P521", "invalid curve: P521"),
        ("ca -name x -version 1 -networks fd00::/8", "invalid -networks definition: v1 certificates can only be ipv4"),
        ("sign -name i", "-networks is required"),
        ("sign -name i -networks 10.1.1.1", "invalid -networks definition: 10.1.1.1"),
        ("sign -name i -networks 10.1.1.1/16,10.1.1.2/16", "invalid -networks definition: v1 certificates can only have a"),
        ("sign -name i -ip 10.1.1.1/16 -duration 99h", "error while signing: certificate expires after signing certificate"),
        ("sign -name i -ip 10.2.1.1/16", "error while signing: certificate contained a network assignment outside"),
        ("sign -name i -ip 10.1.1.1/16 -ca-key other.key", "refusing to sign, root certificate does not match private"),
        ("print -path ca.key", "error while unmarshaling cert: bytes did not contain a proper certificate banner"),
        (
            "verify -ca other.crt -crt h.crt",
            f"error while verifying certificate v1 h with issuer {host.issuer}: could not find ca for the certificate",
        ),
    ):
        done = run(words.split(), files, NOW, "1.10.3")
        assert (1, True) == (done.code, f"Error: {said}" in done.stderr), done.stderr
    assert 2 == other.version
