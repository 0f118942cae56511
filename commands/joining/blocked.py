"""Blocklist of a new host that has its configuration already: what members block since then is added. Pure.

A host that waits for weeks, or is adopted, must not accept what the members refuse.
"""

from pathlib import PureWindowsPath

from adapters.errors import HostError
from adapters.phrase import Phrase
from commands.configuration.nebula import add_blocks, read_blocklist
from commands.configuration.splice import UnsuitableText, apply_splices, find_splices
from commands.joining.facts import JoiningFacts
from commands.joining.pattern import list_blocked
from commands.joining.sight import NewHost
from commands.model.operation import CannotPlan
from commands.planning.configuration_edit import ConfigurationEdit


def find_missing_blocks(new: NewHost, facts: JoiningFacts) -> ConfigurationEdit | None:
    """Finds the edit that adds what the new host lacks; None if it lacks nothing.

    Raises `CannotPlan` if its config.yaml could not be read, or is not one that the bot edits.
    """
    file = facts.config
    if file is None:
        return None
    if isinstance(file, HostError):
        raise CannotPlan(Phrase("could not check Windows of {host}: {why}", host=new.name, why=file.phrase))
    try:
        text = add_blocks(file.content, list_blocked(facts.survey.members))
    except UnsuitableText as error:
        why = error.locate(file.file, file.content)
        raise CannotPlan(Phrase("{host}: {why}", host=new.name, why=why)) from error
    if text == file.content:
        return None
    base, splices = str(PureWindowsPath(file.file).parent), find_splices(file.content, text)
    return ConfigurationEdit(new.host, new.operation, base, file.file, file.content, splices)


def list_new_blocks(edit: ConfigurationEdit) -> tuple[str, ...]:
    """Lists the fingerprints that an edit adds."""
    before = frozenset(read_blocklist(edit.text))
    return tuple(each for each in read_blocklist(apply_splices(edit.text, edit.splices)) if each not in before)
