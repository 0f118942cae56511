"""What every Windows action is: one script, its arguments as data, one object back."""

from abc import abstractmethod
from typing import Any, ClassVar

from adapters.action import Action, Answer
from adapters.errors import ActionFailed


class WindowsAction(Action[Answer]):
    """An action that one script of `scripts/` carries out.

    `script` is the file's name without `.ps1`. The script gets `arguments()` as one object and
    returns one object, which `parse` turns into the answer; a `ValueError` (pydantic's too) from
    `parse` means that the host's answer cannot be understood. `output_limit` holds for what PowerShell
    prints, packed, and once more for the object, unpacked.
    """

    side = "windows"

    script: ClassVar[str]

    def arguments(self) -> dict[str, Any]:
        """What the script gets: plain JSON, never code."""
        return self.model_dump(mode="json")

    def explain(self, failure: ActionFailed) -> ActionFailed:
        """A failure of the script in words that say more of it; as it is where there are none."""
        return failure

    @abstractmethod
    def parse(self, data: Any) -> Answer:
        """The answer from the script's one object."""
