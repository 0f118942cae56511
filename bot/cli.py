"""The command line: `flatnet-bot init, doctor, run, shell, do, manifest, db, audit`.

Each command imports what it needs when it runs: `--help` loads next to nothing. Plain `do` commands do not come here:
`bot.__main__` answers them without the command-line library.
Exit codes of `do`, `doctor` and `audit verify` are `bot.model.request.ExitCode`; their words are those of the README.
Help is written in English here; `bot.terminal.localized_commands` translates it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.model.output import Form, Output
from bot.terminal.localized_commands import LocalizedCommand, LocalizedGroup
from bot.terminal.plain_request import CONFIG_VARIABLE, DEFAULT_CONFIG_FILE, detect_terminal, join_words, print_output

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapters.phrase import Phrase
    from bot.config.settings import Settings
    from bot.runtime.logging import Level


app = typer.Typer(
    cls=LocalizedGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Operate Flatnet hosts from Slack and from the terminal. Exit codes: 0 no problems found / 1 problems found / "
    "2 invalid command, command line or configuration / 3 not allowed, or blocked / 4 some hosts were unreachable / "
    "5 internal error / 75 the lead was lost / 130 interrupted",
)
db = typer.Typer(cls=LocalizedGroup, no_args_is_help=True, help="Manage the bot's database.")
audit = typer.Typer(cls=LocalizedGroup, no_args_is_help=True, help="Check the audit log.")
app.add_typer(db, name="db")
app.add_typer(audit, name="audit")

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", envvar=CONFIG_VARIABLE, metavar="FILE", help="Configuration file.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout, and nothing else.")]


def show_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        from bot.runtime.version import find_version

        typer.echo(f"flatnet-bot {find_version()}")
        raise typer.Exit


@app.callback()
def start(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Handle the options that stand before a command."""


@app.command(cls=LocalizedCommand)
def init(
    config: ConfigFile = DEFAULT_CONFIG_FILE,
    answer: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Answer to a question of the interview (repeatable).")
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option(metavar="'NAME ID WINDOWS [WSL [GATEWAY]]'", help="Host to add (repeatable).")
    ] = None,
    complete: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask questions; use defaults for the rest.")] = False,
    discover: Annotated[
        bool, typer.Option("--discover", help="Read the lighthouse and one gateway, and propose the hosts that they name.")
    ] = False,
) -> None:
    """Create a configuration and secrets folder interactively, then run doctor."""
    from bot.terminal import commands

    commands.configure_logging("error")
    options = commands.SetupOptions(answer or [], host or [], complete, discover)
    write(commands.draft_configuration(config, options, detect_terminal()))


@app.command(cls=LocalizedCommand)
def run(
    config: ConfigFile = DEFAULT_CONFIG_FILE,
    log_level: Annotated[str, typer.Option(metavar="LEVEL", help="Log level: debug, info, warning or error.")] = "info",
) -> None:
    """Run the bot until SIGTERM or Ctrl-C. SIGHUP reloads the configuration."""
    from bot.terminal import commands

    commands.configure_logging(_parse_level(log_level))
    from bot.app.process import run_bot

    settings = commands.load_settings(config)
    commands.run_or_exit(run_bot(config, settings), settings)


# Unknown options are those of the command to run: log nebula --tail 3.
@app.command(cls=LocalizedCommand, context_settings={"ignore_unknown_options": True})
def do(
    words: Annotated[
        list[str],
        typer.Argument(metavar="COMMAND", help="Command as typed after /flatnet, quoted or not: log nebula --tail 3."),
    ],
    config: ConfigFile = DEFAULT_CONFIG_FILE,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the table as CSV to stdout, and nothing else.")] = False,
) -> None:
    """Run one command and print the result, using the running bot if there is one."""
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    from bot.terminal.one_request import answer_request

    form: Form = "json" if as_json else "csv" if as_csv else "table"
    write(answer_request(config, join_words(words), form, detect_terminal()))


@app.command(cls=LocalizedCommand)
def doctor(
    config: ConfigFile = DEFAULT_CONFIG_FILE,
    slack: Annotated[
        bool, typer.Option("--slack", help="Only have Slack check every kind of message that the bot sends. Posts none.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Diagnose configuration, secrets, database, Slack and hosts. Also works before setup is complete."""
    from bot.terminal import commands

    commands.configure_logging("error")
    examine = commands.diagnose_messages if slack else commands.diagnose
    write(examine(config, "json" if as_json else "table", detect_terminal()))


@app.command(cls=LocalizedCommand)
def shell(config: ConfigFile = DEFAULT_CONFIG_FILE) -> None:
    """Open an interactive shell with the same commands as in Slack."""
    from bot.terminal import commands

    commands.configure_logging("error")
    from bot.terminal.shell import run_shell

    settings = commands.load_settings(config)
    commands.run_or_exit(run_shell(settings, commands.load_texts(settings)), settings)


@app.command(cls=LocalizedCommand)
def manifest(
    config: ConfigFile = DEFAULT_CONFIG_FILE,
    language: Annotated[str, typer.Option(metavar="en|ja", help="Language of the descriptions in it.")] = "en",
) -> None:
    """Print the Slack app manifest. Create the app from it at api.slack.com/apps ("From a manifest")."""
    if language not in ("en", "ja"):
        raise typer.BadParameter("must be en or ja", param_hint="--language")
    from importlib import resources

    text = resources.files("bot").joinpath("manifest.yml").read_text(encoding="utf-8")
    if language != "en":
        from bot.terminal.cli_translations import load_translations

        text = load_translations(language).translate_manifest(text)
    typer.echo(text, nl=False)


@db.command("upgrade", cls=LocalizedCommand)
def db_upgrade(
    config: ConfigFile = DEFAULT_CONFIG_FILE,
    backed_up: Annotated[
        bool, typer.Option("--backed-up", help="The PostgreSQL database is backed up: no copy of it is made here.")
    ] = False,
) -> None:
    """Upgrade the database schema and keep a backup."""
    from bot.terminal import database_commands as database

    _run_on_database(config, lambda settings: database.upgrade(settings, backed_up=backed_up))


@db.command("restore", cls=LocalizedCommand)
def db_restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File bot.tar of a backup.")],
    config: ConfigFile = DEFAULT_CONFIG_FILE,
) -> None:
    """Restore the database from a backup while the bot is stopped. The present one is kept."""
    from bot.terminal import database_commands as database

    _run_on_database(config, lambda settings: database.restore(settings, file))


@db.command("move", cls=LocalizedCommand)
def db_move(config: ConfigFile = DEFAULT_CONFIG_FILE) -> None:
    """Move the history from SQLite to the configured PostgreSQL database while the bot is stopped."""
    from bot.terminal import database_commands as database

    _run_on_database(config, database.move)


@db.command("adopt", cls=LocalizedCommand)
def db_adopt(config: ConfigFile = DEFAULT_CONFIG_FILE) -> None:
    """Let this machine's configuration, version and audit key count, if the last leader's machine is gone for good."""
    from bot.terminal import database_commands as database

    _run_on_database(config, database.adopt)


@audit.command("verify", cls=LocalizedCommand)
def audit_verify(config: ConfigFile = DEFAULT_CONFIG_FILE, as_json: AsJson = False) -> None:
    """Check the audit log for changed, removed, replaced or truncated events."""
    from bot.terminal import commands

    commands.configure_logging("error")
    write(commands.verify_audit_log(config, "json" if as_json else "table", detect_terminal()))


@audit.command("accept", cls=LocalizedCommand)
def audit_accept(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the loss, as audit verify shows it.")],
    config: ConfigFile = DEFAULT_CONFIG_FILE,
) -> None:
    """Accept a PostgreSQL database that is older than this machine's head file, while no copy of the bot leads."""
    from bot.terminal import database_commands as database

    _run_on_database(config, lambda settings: database.accept(settings, name))


def _run_on_database(config: Path, work: "Callable[[Settings], Sequence[Phrase]]") -> None:
    from bot.terminal import commands

    commands.configure_logging("warning")
    typer.echo(commands.run_on_database(config, work))


def write(output: Output) -> None:
    """Print output and end with its exit code."""
    print_output(output)
    raise typer.Exit(output.exit)


def _parse_level(name: str) -> "Level":
    match name.lower():
        case "debug" | "info" | "warning" | "error" as level:
            return level
        case _:
            raise typer.BadParameter("must be debug, info, warning or error", param_hint="--log-level")
