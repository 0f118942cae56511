"""The methods of the Web API that this workspace speaks, by name; any other is `unknown_method`."""

from tests.lab.workspace.methods import app, chat, conversations, files, users
from tests.lab.workspace.methods.method import Method

METHODS: dict[str, Method] = {
    method.name: method for method in (*app.METHODS, *chat.METHODS, *conversations.METHODS, *files.METHODS, *users.METHODS)
}
