"""Files on their way into the workspace: an upload address, the bytes, then the place where they are shown.

A picture in a new message of a conversation is shared by it. Slack accepts two other ways, and shows nothing there:

    an edit brings in a file that nobody has shared     readers see "file not found" (slackapi/java-slack-sdk #1441)
    a private message                                   readers see no picture at all (slackapi/node-slack-sdk #1790)
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
"""How the files begin that Slack shows in an image block (docs.slack.dev, slack file object)."""


@dataclass(frozen=True)
class Upload:
    """A file of `user`. `content` is None until the bytes came, and again when the file was deleted.

    `title` is None until the upload is completed. `alt_text` describes a picture to those who do not see it. `shared`: it
    was shown in a conversation once.
    """

    id: str
    user: str
    name: str
    length: int
    alt_text: str = ""
    content: bytes | None = None
    title: str | None = None
    deleted: bool = False
    shared: bool = False


@dataclass
class _Unshared:
    """Files whose message is still to come: after so many questions, or never by itself (None)."""

    names: tuple[str, ...]
    share: Callable[[], object]
    questions: int | None


class Uploads:
    """The files; `address` makes the upload URL for a file id, `looked` says whether Slack has looked at new files."""

    def __init__(
        self,
        address: Callable[[str], str],
        looked: Callable[[], bool] = lambda: True,
        draws: Callable[[], bool] = lambda: True,
    ) -> None:
        self.address = address
        self.draws = draws
        """Whether Slack draws the charts of a message that is being sent."""
        self._unshared: list[_Unshared] = []
        self._looked = looked
        self.refusal = ""
        """Slack's code for a workspace that does not let the app upload files, "" for one that does."""
        self._files: dict[str, Upload] = {}

    def begin(self, user: str, name: str, length: int, alt_text: str = "") -> Upload:
        """Announce a file of so many bytes."""
        upload = Upload(f"F{secrets.token_hex(5).upper()}", user, name, length, alt_text)
        self._files[upload.id] = upload
        return upload

    def receive(self, name: str, content: bytes) -> bool:
        """The bytes of an announced file; False where none such is awaited or the length is another."""
        upload = self._files.get(name)
        if upload is None or upload.deleted or upload.content is not None or len(content) != upload.length:
            return False
        self._files[name] = replace(upload, content=content)
        return True

    def complete(self, name: str, title: str) -> Upload | None:
        """Make a received file a file of the workspace; None where its bytes never came or it is one already."""
        upload = self._files.get(name)
        if upload is None or upload.content is None or upload.title is not None:
            return None
        self._files[name] = replace(upload, title=title)
        return self._files[name]

    def hold(self, names: tuple[str, ...], share: Callable[[], object], questions: int | None) -> None:
        """Keep files back that `share` would show: until so many questions, or until `share_late` (None)."""
        self._unshared.append(_Unshared(names, share, questions))

    def ask(self, name: str) -> bool:
        """The app asks for a file; whether Slack has looked at it. One that is kept back may be shared by that."""
        for held in [each for each in self._unshared if name in each.names and each.questions is not None]:
            held.questions = (held.questions or 1) - 1
            if held.questions == 0:
                self._share(held)
        return self._looked()

    def share_late(self) -> None:
        """Slack shares at last what it kept back."""
        for held in tuple(self._unshared):
            self._share(held)

    def _share(self, held: _Unshared) -> None:
        self._unshared.remove(held)
        if not any(self._files[name].deleted for name in held.names):
            held.share()

    def delete(self, upload: Upload) -> None:
        """The file is gone; its name stays known."""
        self._files[upload.id] = replace(upload, content=None, deleted=True)

    def shows(self, names: Sequence[str]) -> bool:
        """Whether a message may show all these pictures."""
        return not names or (self._looked() and all(map(self._is_picture, names)))

    def share(self, names: Iterable[str]) -> None:
        """A message in a conversation shows these files."""
        for name in names:
            self._files[name] = replace(self._files[name], shared=True)

    def list_unshared(self, names: Iterable[str]) -> tuple[str, ...]:
        """List those of the files that no message in a conversation has shown."""
        return tuple(name for name in names if not self._files[name].shared)

    def _is_picture(self, name: str) -> bool:
        """Completed, there, and a picture by its bytes, whatever its name is."""
        upload = self._files.get(name)
        if upload is None or upload.title is None or upload.content is None:
            return False
        return upload.content.startswith(PICTURES)

    def file(self, name: str) -> Upload | None:
        return self._files.get(name)
