"""The workspace as a web page, so that a person can type, click, fill in forms and read.

browser ── GET /, /static/…            the page: HTML, CSS and JavaScript as they lie in `static/`
        ── GET /page/state             all that one person sees (`shown.py`)
        ── GET /page/changes           what changes of it, as it happens (`live.py`)
        ── POST /page/act/<name>       what the person does (`acts.py`)
        ── GET, POST /page/controls    what is wrong with the hosts and with Slack (`panel.py`)

workspace = Workspace(manifest)
await workspace.start(routes=page(workspace, controls))
"""

from tests.lab.workspace.page.controls import Controls, Host, Knob, NoControls, Program, Side
from tests.lab.workspace.page.routes import page

__all__ = ["Controls", "Host", "Knob", "NoControls", "Program", "Side", "page"]
