"""Commands whose help and usage errors are in the language of the terminal. Where that is English, nothing is loaded."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from bot.model.output import detect_language

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter, Parameter

    from bot.terminal.cli_translations import CliTranslations


class LocalizedCommand(TyperCommand):
    """A command with localized help and usage errors."""

    def get_params(self, ctx: "Context") -> "list[Parameter]":
        return _hide_types(super().get_params(ctx))

    def format_usage(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        _write_usage(self, ctx, formatter)

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        _translate(self, ctx)
        super().format_help(ctx, formatter)

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        with _translate_errors(ctx):
            return super().parse_args(ctx, args)


class LocalizedGroup(TyperGroup):
    """A group with localized help and usage errors, those that its commands raise when they run too."""

    def get_params(self, ctx: "Context") -> "list[Parameter]":
        return _hide_types(super().get_params(ctx))

    def format_usage(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        _write_usage(self, ctx, formatter)

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        _translate(self, ctx)
        super().format_help(ctx, formatter)

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        with _translate_errors(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: "Context") -> Any:
        with _translate_errors(ctx):
            return super().invoke(ctx)


def _hide_types(parameters: "list[Parameter]") -> "list[Parameter]":
    """Hide the Python types of parameters, such as `<bool>`. The help of a value has its metavar instead.

    typer shows the type of every flag and argument, and has no setting for it.
    """
    for parameter in parameters:
        vars(parameter).update(display_type=lambda ctx: "")
    return parameters


def _write_usage(command: TyperCommand | TyperGroup, ctx: "Context", formatter: "HelpFormatter") -> None:
    catalogue = _load_translations()
    prefix = None if catalogue is None else catalogue.translate_label("Usage: ")
    formatter.write_usage(ctx.command_path, " ".join(command.collect_usage_pieces(ctx)), prefix)


def _translate(command: TyperCommand | TyperGroup, ctx: "Context") -> None:
    if (catalogue := _load_translations()) is not None:
        catalogue.translate_command(command, ctx)
        catalogue.translate_headings()


@contextmanager
def _translate_errors(ctx: "Context") -> Iterator[None]:
    """Translate a usage error. One that is translated already passes through, and so does help in place of an error."""
    try:
        yield
    except typer.TyperException as error:
        catalogue = _load_translations()
        if catalogue is None:
            raise
        catalogue.translate_headings()
        message = error.format_message()
        translated = catalogue.translate_error(message)
        if translated == message:
            raise
        (getattr(error, "ctx", None) or ctx).fail(translated)


def _load_translations() -> "CliTranslations | None":
    language = detect_language(os.environ)
    if language in ("", "en"):
        return None
    from bot.terminal.cli_translations import load_translations

    return load_translations(language)
