"""What the scripts answer that compare the term of the bot's lead with the one that the host keeps."""

from collections.abc import Callable
from typing import Any

from adapters.action import Effect
from adapters.windows.action import WindowsAction
from adapters.windows.services import SetStartTypes, StartSetting
from adapters.windows.term import KeepTerm, build_request
from tests.adapters.windows.change_cases import ENTERED, LINK, linked_folder
from tests.adapters.windows.script_cases import Case, Failed, Script, missing
from tests.lab.windows.state import RECORD, TERMS, WindowsState

HIGHEST = 2**53

SET = SetStartTypes(services=(StartSetting(name="Nebula", start_type="Manual"),))


class Wrapped(WindowsAction[Any]):
    """A change as it is sent with a term."""

    script = "with-term"
    effect = Effect.CHANGE
    deadline = 10.0
    output_limit = 64_000

    def build_arguments(self) -> dict[str, Any]:
        return build_request(SET, 17)[1]

    def parse(self, data: Any) -> Any:
        return SET.parse(data)


KEEP = Script(KeepTerm(term=17), {"term": 17})
WRAP = Script(Wrapped(), {"changed": True})

ABSENT = Failed("ServiceAbsent", "there is no service Nebula")
OLDER = Failed("OlderTerm", "term 18 is kept here, and this is of term 17")


def kept(*names: object) -> Callable[[WindowsState], None]:
    """What lies in the folder of terms."""

    def change(host: WindowsState) -> None:
        host.files |= {TERMS / str(name): "" for name in names}

    return change


def unreadable(name: str) -> Failed:
    words = f"is no term; stop all copies of the bot but one, then remove {TERMS}"
    return Failed("TermUnreadable", f"{TERMS / name} {words}")


def full(host: WindowsState) -> None:
    host.disk_full = True


def entered(host: WindowsState) -> None:
    kept(17)(host)
    host.readers[RECORD] = ["S-1-5-32-545"]


def full_and_kept(host: WindowsState) -> None:
    kept(17)(host)
    full(host)


def no_service(host: WindowsState) -> None:
    del host.services["Nebula"]


CASES = (
    Case("the first term", KEEP),
    Case("the term that is kept", KEEP, kept(17)),
    Case("what a power cut left of several", KEEP, kept(2, 16, 9)),
    Case("the highest term", KEEP, kept(18), given={"term": HIGHEST}, differs={"term": HIGHEST}),
    Case("a lower term than one of several", KEEP, kept(9, 18), fails=OLDER),
    Case("a name that is no term", KEEP, kept("term.txt"), fails=unreadable("term.txt")),
    Case("a name with a zero before it", KEEP, kept("017"), fails=unreadable("017")),
    Case("the folder is a link", KEEP, linked_folder, fails=LINK),
    Case("others could enter the folder", KEEP, entered, fails=ENTERED),
    Case("a full disk", KEEP, full, fails=Failed("DiskFull", "less than 1 MB is free on C:")),
    Case("no term", KEEP, left_out=frozenset({"term"}), fails=missing("term")),
    Case("a script behind the first term", WRAP),
    Case("a script behind a higher term, which is kept although it fails", WRAP, no_service, fails=ABSENT),
    Case("a script behind the kept term, on a full disk", WRAP, full_and_kept),
    Case("a script behind a lower term does not run", WRAP, kept(18), fails=OLDER),
    Case("a script behind a term that cannot be compared", WRAP, kept("x"), fails=unreadable("x")),
    Case("a script that sees no argument but its own", WRAP, given={"args": {"term": 17}}, fails=missing("services")),
)
