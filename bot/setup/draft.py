"""Draft of `flatnet-bot init`: answers become a commented `flatnet.toml` and a secrets folder for its owner only.

    answer ─▶ draft ─ as text, parsed by the bot's own parser ─▶ a complaint: asked again
                                                              └▶ the next question … ─▶ file, secrets

A draft is a complete configuration at any time: answers not given yet have example values. So a
complaint is always about the latest answer, and the written file can always be read.
"""

import json
import os
import re
import secrets as randomness
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.errors import Refused
from adapters.phrase import Listing, Phrase
from bot.config.errors import ConfigurationError
from bot.config.settings import Settings, parse_settings
from bot.setup.found_hosts import ProposedHost, render_found_hosts

WSL_SSH_PORT = 2222
"""Port of WSL2's sshd in `docs/hosts.md`."""

ABSENT = "-"
"""Typed for a side that a host does not have."""

PROBE = "discovered-gateway"
"""Name of the gateway that is read for the discovery, until its own is known."""

SECRETS_FOLDER = "secrets"


@dataclass(frozen=True)
class HostDraft:
    """One host as typed. `windows` and `gateway` are addresses or URLs, `wsl` an address with or without a port."""

    name: str = "host-a"
    id: str = "1"
    windows: str = "192.0.2.11"
    wsl: str = ABSENT
    gateway: str = ABSENT


@dataclass(frozen=True)
class Draft:
    """All answers of `init` as typed; an empty `team` means no Slack, an empty `lighthouse` no lighthouse.

    `gateway` is the one that `--discover` reads, and `found` what it found.
    """

    language: str = "ja"
    time_zone: str = "Asia/Tokyo"
    team: str = ""
    name: str = "me"
    slack: str = ""
    system: str = ""
    windows_user: str = "flatnet-bot"
    ca_file: str = "pki/winrm-ca.pem"
    key_file: str = "pki/id_ed25519"
    known_hosts_file: str = "pki/known_hosts"
    lighthouse: str = ""
    lighthouse_sha256: str = ""
    gateway: str = ""
    hosts: tuple[HostDraft, ...] = ()
    found: tuple[ProposedHost, ...] = ()

    def with_host(self, host: HostDraft) -> "Draft":
        """Return this draft with one more host."""
        return replace(self, hosts=(*self.hosts, host))

    def with_probe(self) -> "Draft":
        """Return this draft with the gateway that is read for the discovery as its last host."""
        taken = {host.id for host in self.hosts}
        free = next(str(number) for number in range(254, 0, -1) if str(number) not in taken)
        return self.with_host(HostDraft(PROBE, free, ABSENT, ABSENT, self.gateway))

    @property
    def text(self) -> str:
        """The commented configuration."""
        return "\n\n".join("\n".join(part) for part in _render_parts(self)) + "\n"

    def find_refusal(self, file: Path) -> Phrase | None:
        """Return the parser's complaint about the draft at that path; None if it can be used."""
        if not self.text.replace("\n", "").isprintable():
            return Phrase("must be one line of printable characters")
        whole = self if self.hosts or self.lighthouse else replace(self, hosts=(HostDraft(),))
        try:
            parse_settings(whole.with_probe().text if self.gateway else whole.text, file)
        except ConfigurationError as error:
            return error.complaints[0].phrase
        return None


def write_configuration(draft: Draft, file: Path) -> Settings:
    """Write the configuration, never over an existing one. Raises `ConfigurationError` if it cannot be used."""
    settings = parse_settings(draft.text, file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise make_exists_error(file) from error
    except OSError as error:
        raise Refused(Phrase("{file} cannot be written: {why}", file=str(file), why=error.strerror or "?")) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(draft.text)
    return settings


def make_exists_error(file: Path) -> Refused:
    """Make the error for an existing configuration, which must not be lost."""
    return Refused(Phrase("{file} already exists. Edit it, or specify another file with --config", file=str(file)))


def make_secrets(settings: Settings, typed: Mapping[str, str]) -> tuple[str, ...]:
    """Create the folders of data and secrets, and a file for each secret that has none: typed, a new audit key, or empty.

    Returns the names of the empty ones.
    """
    folder = settings.secrets_folder
    assert folder is not None
    for each in (settings.data_folder, folder):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    values = {**typed, settings.audit_key_secret: randomness.token_hex(32)}
    for name in settings.secret_names:
        _write_once(folder / name, values.get(name, ""))
    return tuple(sorted(name for name in settings.secret_names if not (folder / name).stat().st_size))


def list_next_steps(settings: Settings, empty: Iterable[str]) -> Iterator[Phrase]:
    """Yield the remaining steps, five in all."""
    names, folder = tuple(empty), str(settings.secrets_folder)
    if names:
        yield Phrase("write the secrets that are still missing to {folder}: {names}", folder=folder, names=Listing(names))
    else:
        yield Phrase("all secrets are stored in {folder}. Keep it safe", folder=folder)
    if settings.slack is not None:
        yield Phrase(
            "Slack: create an app at api.slack.com/apps with From a manifest, using the output of flatnet-bot manifest. "
            "Install it, and create an app-level token with connections:write"
        )
    else:
        yield Phrase("Slack is not configured. Add a [slack] table to use it")
    yield Phrase(
        "prepare the hosts as described in docs/hosts.md. Put the CA, the key and known_hosts at the paths in the file"
    )
    yield Phrase("run flatnet-bot doctor and fix what it reports, until it reports no problem")
    yield Phrase(
        "check from here with flatnet-bot do health. Start the bot with flatnet-bot run, then type /flatnet health in Slack"
    )


def _write_once(path: Path, content: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(content)


def _render_parts(draft: Draft) -> Iterator[list[str]]:
    yield [
        "# flatnet-bot: configuration written by flatnet-bot init. See flatnet.example.toml for all settings.",
        "# Relative paths are relative to this file's folder. Never write secrets here. Use files in secrets_folder,",
        "# or environment variables (FLATNET_WINRM_PASSWORD).",
        _add_comment(
            f"language = {_quote(draft.language)}",
            "language of channel messages; direct messages use each person's Slack language",
        ),
        f"time_zone = {_quote(draft.time_zone)}",
        _add_comment('data_folder = "var"', "database, audit head, control socket"),
        f"secrets_folder = {_quote(SECRETS_FOLDER)}",
    ]
    if draft.team:
        yield [
            "[slack]",
            _add_comment(f"team = {_quote(draft.team)}", "your workspace; users from other workspaces are rejected"),
        ]
        yield [
            "# Channel for digests and warnings. Without a channel, only administrators receive them.",
            "# [notices]",
            _add_comment('# channel = "C0123ABCD"', "invite the bot there"),
        ]
    yield [
        "# Roles: viewer, operator, developer, administrator, security. Workspace members who are not listed are viewers.",
        "[[people]]",
        f"name = {_quote(draft.name)}",
        *([f"slack = [{_quote(draft.slack)}]"] if draft.slack else []),
        *([f"system = [{_quote(draft.system)}]"] if draft.system else []),
        'roles = ["administrator", "operator"]',
    ]
    yield [
        "# A change needs the approval of one other person with the role operator or administrator, a critical change two.",
        "# Add a [[people]] table for each of them. A single administrator needs --break-glass and a reason.",
        "[approvals]",
        _add_comment('expire = "1h"', "when an undecided request expires"),
    ]
    yield [
        "# Defaults for all hosts; each host can override them.",
        "[defaults.windows]",
        f"user = {_quote(draft.windows_user)}",
        _add_comment(f"ca_file = {_quote(draft.ca_file)}", "the CA that signed the WinRM certificates"),
    ]
    yield [
        "[defaults.wsl]",
        f"key_file = {_quote(draft.key_file)}",
        f"known_hosts_file = {_quote(draft.known_hosts_file)}",
    ]
    yield from _render_hosts(draft)


def _render_hosts(draft: Draft) -> Iterator[list[str]]:
    if draft.lighthouse:
        yield [
            "# The lighthouse has no WSL2 and no gateway.",
            *_render_host("lighthouse", "0"),
            "lighthouse = true",
            *_render_windows(draft.lighthouse),
            *_render_pin(draft.lighthouse_sha256),
        ]
    for host in draft.hosts:
        yield [
            *_render_host(host.name, host.id),
            *_render_windows(host.windows),
            *_render_wsl(host.wsl),
            *_render_gateway(host.gateway),
        ]
    yield from render_found_hosts(draft.found, _quote)


def _add_comment(line: str, why: str) -> str:
    return f"{line:<35} # {why}"


def _render_host(name: str, number: str) -> list[str]:
    whole = number if number.isascii() and number.isdecimal() and str(int(number)) == number else _quote(number)
    return ["[[hosts]]", f"name = {_quote(name)}", f"id = {whole}"]


def _render_windows(typed: str) -> list[str]:
    return [] if typed == ABSENT else ["[hosts.windows]", f"url = {_quote(_complete_url(typed, 'https://{}:5986/wsman'))}"]


def _render_pin(typed: str) -> list[str]:
    """Render the SHA-256 of a certificate, which scripts and browsers print with colons and in upper case."""
    digits = re.sub(r"[\s:]", "", typed).lower()
    return [f"certificate_sha256 = {_quote(digits)}"] if digits else []


def _render_wsl(typed: str) -> list[str]:
    if typed == ABSENT:
        return []
    address, colon, port = typed.rpartition(":")
    if not colon or (":" in address and not address.endswith("]")):  # a name, or an IPv6 address without a port
        address, port = typed, str(WSL_SSH_PORT)
    return [
        "[hosts.wsl]",
        f"address = {_quote(address.strip('[]'))}",
        f"port = {port if port.isdecimal() else _quote(port)}",
    ]


def _render_gateway(typed: str) -> list[str]:
    return [] if typed == ABSENT else ["[hosts.gateway]", f"url = {_quote(_complete_url(typed, 'http://{}:8080'))}"]


def _complete_url(typed: str, usual: str) -> str:
    """Return a URL unchanged, and an address within the usual URL; anything else unchanged, for the parser to refuse."""
    if set(typed) & set("/?#@ "):
        return typed
    return usual.format(f"[{typed}]" if ":" in typed and not typed.startswith("[") else typed)


def _quote(text: str) -> str:
    """Quote a basic string of TOML: like JSON, except one character that JSON may carry raw."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
