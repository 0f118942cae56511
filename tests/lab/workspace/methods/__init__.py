"""The methods of the Web API that this workspace speaks, by name; any other is `unknown_method`."""

from tests.lab.workspace.methods import app, blocks, chat, conversations, files, pins, reactions, usergroups, users, views
from tests.lab.workspace.methods.method import Method

METHODS: dict[str, Method] = {
    method.name: method
    for module in (app, blocks, chat, conversations, files, pins, reactions, usergroups, users, views)
    for method in module.METHODS
}
