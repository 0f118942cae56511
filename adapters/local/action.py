"""Base class of actions on the bot itself. The composition root passes in what performs them."""

from adapters.action import Action, Answer


class LocalAction(Action[Answer]):
    """An action on the bot itself: in its data folder, or in its database.

    A plan that holds one is stored where it acts, so its arguments are all that there is to approve.
    """

    side = "bot"
    deadline = 30.0
    output_limit = 1_000_000
