"""Base class of Windows actions: one script, its arguments as data, one object back."""

from typing import Any, ClassVar

from adapters.action import Action, Answer
from adapters.errors import ActionFailed
from adapters.windows.powershell import load_script


class WindowsAction(Action[Answer]):
    """An action that one script of `scripts/` carries out.

    `script` is the file's name without `.ps1`. The script gets `build_arguments()` as one object and returns one object,
    which `parse` converts to the answer. A `ValueError` (pydantic's too) from `parse` means that the host's answer could not
    be read. `output_limit` applies to PowerShell's compressed output, and once more to the uncompressed object.
    """

    side = "windows"

    script: ClassVar[str]

    @classmethod
    def load_script(cls) -> str:
        """Returns the script's whole text."""
        return load_script(cls.script)

    def build_arguments(self) -> dict[str, Any]:
        """Returns the script's arguments: plain JSON, never code."""
        return self.model_dump(mode="json")

    def build_arguments_of_term(self, term: int) -> dict[str, Any]:
        """Returns the arguments where the host compares a term first. Few scripts have to know it themselves."""
        return self.build_arguments()

    def explain(self, failure: ActionFailed) -> ActionFailed:
        """Returns a failure of the script with a clearer phrase, or unchanged if there is none."""
        return failure

    def parse(self, data: Any) -> Answer:
        """Parses the script's one object into the answer. Default: the object as it is."""
        answer: Answer = self.get_answer_type().model_validate(data)
        return answer
