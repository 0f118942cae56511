"""The modals and home tabs in front of people: a stack of at most three modals for each, one home tab for each."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.form import Values, begin, named
from tests.lab.workspace.journal import HomePublished, ViewChanged, ViewClosed, ViewOpened
from tests.lab.workspace.state import State
from tests.lab.workspace.view import View

STACK = 3


class Views:
    """Opens, pushes, changes, publishes and closes; what it is given has been checked."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._stacks: dict[str, list[View]] = {}
        self._homes: dict[str, View] = {}

    def stack(self, user: str) -> tuple[View, ...]:
        """The open modals of this person, the one that they see last."""
        return tuple(self._stacks.get(user, ()))

    def home(self, user: str) -> View | None:
        return self._homes.get(user)

    def find(self, *, id: str | None = None, external_id: str | None = None) -> View | None:  # noqa: A002 (Slack's name)
        """An open view by either name."""
        for view in self._all():
            if view.id == id or (external_id and view.external_id == external_id):
                return view
        return None

    def open(self, user: str, sent: Mapping[str, Any]) -> View:
        """A new modal; one that is open gives way. (Slack does not say what happens to that one.)"""
        self._unique(sent, None)
        self.clear(user)
        return self._put_on(user, sent)

    def push(self, user: str, sent: Mapping[str, Any]) -> View:
        """A modal on top of another. `SlackError`: `not_found` where none is open, `push_limit_reached`."""
        self._unique(sent, None)
        depth = len(self.stack(user))
        if depth == 0:
            raise SlackError("not_found")
        if depth == STACK:
            raise SlackError("push_limit_reached")
        return self._put_on(user, sent)

    def update(self, view: View, sent: Mapping[str, Any]) -> View:
        """The view says something else now, under a new hash; what was filled in stays where the ids are the same."""
        self._unique(sent, view)
        shown, values = self._shown(sent, view.values)
        return self.keep(replace(view, sent=shown, values=values, hash=self._hash(), errors={}, trouble=""))

    def publish(self, user: str, sent: Mapping[str, Any], known_hash: str | None) -> View:
        """This person's home tab. `SlackError`: `hash_conflict` where it is another one by now."""
        former = self._homes.get(user)
        if known_hash and (former is None or former.hash != known_hash):
            raise SlackError("hash_conflict")
        self._unique(sent, former)
        shown, values = self._shown(sent, former.values if former else {})
        name = former.id if former else self._name()
        view = self._homes[user] = View(name, user, shown, self._hash(), name, None, values)
        self._state.journal.record(HomePublished(view))
        return view

    def keep(self, view: View) -> View:
        """An open view after the app or the person changed something in it."""
        if view.home:
            self._homes[view.user] = view
        else:
            stack = self._stacks[view.user]
            stack[[other.id for other in stack].index(view.id)] = view
        self._state.journal.record(ViewChanged(view))
        return view

    def close(self, view: View) -> tuple[View, ...]:
        """This modal, and any above it, go away; those that went, the lowest first."""
        stack = self._stacks[view.user]
        place = [other.id for other in stack].index(view.id)
        gone, self._stacks[view.user] = stack[place:], stack[:place]
        for closed in reversed(gone):
            self._state.journal.record(ViewClosed(closed))
        return tuple(gone)

    def clear(self, user: str) -> tuple[View, ...]:
        """All modals of this person go away."""
        stack = self.stack(user)
        return self.close(stack[0]) if stack else ()

    def _all(self) -> Iterator[View]:
        for stack in self._stacks.values():
            yield from stack
        yield from self._homes.values()

    def _put_on(self, user: str, sent: Mapping[str, Any]) -> View:
        stack = self._stacks.setdefault(user, [])
        name = self._name()
        root, previous = (stack[0].id, stack[-1].id) if stack else (name, None)
        shown, values = self._shown(sent, {})
        view = View(name, user, shown, self._hash(), root, previous, values)
        stack.append(view)
        self._state.journal.record(ViewOpened(view))
        return view

    def _shown(self, sent: Mapping[str, Any], former: Values) -> tuple[Mapping[str, Any], Values]:
        """Blocks without an id get a new one each time, as in Slack: what was filled in there is lost."""
        blocks = named(sent["blocks"], secrets.token_urlsafe(3))
        return {**sent, "blocks": blocks}, begin(blocks, former)

    def _unique(self, sent: Mapping[str, Any], apart_from: View | None) -> None:
        other = self.find(external_id=sent.get("external_id"))
        if other is not None and (apart_from is None or other.id != apart_from.id):
            raise SlackError("duplicate_external_id")

    def _hash(self) -> str:
        return f"{int(self._state.clock.now().timestamp())}.{secrets.token_hex(4)}"

    @staticmethod
    def _name() -> str:
        return f"V{secrets.token_hex(5).upper()}"
