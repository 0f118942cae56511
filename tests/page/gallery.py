"""Every block, element and piece of mrkdwn that the workspace takes, in one message, one modal and one home tab."""

from tests.workspace.parts import Part, actions, button, choice, field, home, modal, option, plain, section

MRKDWN = (
    "*bold* _italic_ ~strike~ `code` *bold _and italic_* &lt;b&gt;not markup&lt;/b&gt; &amp; snake_case_name 2*3*4\n"
    "<https://example.com/?a=1&amp;b=2|a link> <mailto:a@example.com|mail> <@U0ADMIN> <#C0OPS> <!subteam^S0ADMINS> <!here>\n"
    "> a quote\n> of two lines\nafter it\n"
    "```\nfor x in *all*; do\n  echo &lt;x&gt;\ndone\n```\n"
    ":red_circle: :large_orange_circle: :large_green_circle: :tada: :grey_question: :no_such_emoji:\n"
    "<!date^1764061800^{date_num} {time}|2025-11-25 09:10 UTC> <javascript:alert(1)|not a link>"
)

CONFIRM = {
    "title": plain("Restart Nebula?"),
    "text": {"type": "mrkdwn", "text": "On *host-b*. Tunnels stop for some seconds."},
    "confirm": plain("Restart"),
    "deny": plain("Leave it"),
    "style": "danger",
}

RICH: Part = {
    "type": "rich_text",
    "elements": [
        {
            "type": "rich_text_section",
            "elements": [
                {"type": "text", "text": "rich ", "style": {"bold": True}},
                {"type": "text", "text": "struck ", "style": {"strike": True}},
                {"type": "text", "text": "code", "style": {"code": True}},
                {"type": "link", "url": "https://example.com", "text": " link "},
                {"type": "user", "user_id": "U0OPERATOR"},
                {"type": "emoji", "name": "rocket"},
            ],
        },
        {
            "type": "rich_text_list",
            "style": "ordered",
            "elements": [
                {"type": "rich_text_section", "elements": [{"type": "text", "text": word}]} for word in ("first", "second")
            ],
        },
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "quoted"}]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "line 1\nline 2"}]},
    ],
}

TABLE: Part = {
    "type": "table",
    "column_settings": [None, {"align": "right"}, {"is_wrapped": True}],
    "rows": [
        [{"type": "raw_text", "text": text} for text in row]
        for row in (
            ("Host", "Disk", "Why"),
            ("host-a", "41%", "healthy"),
            ("host-b", "93%", "backups are never pruned on this host"),
        )
    ],
}

CHART: Part = {
    "type": "data_visualization",
    "title": "Certificate days remaining",
    "chart": {
        "type": "bar",
        "series": [{"name": "days left", "data": [{"label": "host-a", "value": 5}, {"label": "host-b", "value": 200}]}],
        "axis_config": {"categories": ["host-a", "host-b"]},
    },
}

MESSAGE: list[Part] = [
    {"type": "header", "text": plain("Everything :sparkles:")},
    section(MRKDWN, accessory=button("restart", style="danger", confirm=CONFIRM)),
    {
        "type": "section",
        "fields": [
            {"type": "mrkdwn", "text": f"*{name}*\n{value}"} for name, value in (("Host", "host-a"), ("State", "healthy"))
        ],
    },
    {"type": "divider"},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "read at `09:10`"}, plain("plain :+1:")]},
    {
        "type": "image",
        "title": plain("A chart"),
        "image_url": "https://example.com/chart.png",
        "alt_text": "Disk space over a week",
    },
    RICH,
    TABLE,
    CHART,
    {"type": "markdown", "text": "## Heading\n- **one**\n- [two](https://example.com)"},
    actions(
        button("approve", style="primary", value="7"),
        button("link", url="https://example.com"),
        choice("overflow", "more", "details", "delete"),
        choice("static_select", "host", "host-a", "host-b", placeholder=plain("Choose a host")),
    ),
    section(
        "Sides", accessory=choice("multi_static_select", "sides", "windows", "wsl", "gateway", placeholder=plain("Sides"))
    ),
    actions(choice("radio_buttons", "level", "low", "high"), choice("checkboxes", "flags", "dry-run", "here")),
]

FORM: Part = modal(
    section("Fill in *everything*."),
    field("name", {"type": "plain_text_input", "action_id": "typed", "placeholder": plain("my-service"), "min_length": 3}),
    field(
        "reason", {"type": "plain_text_input", "action_id": "typed", "multiline": True}, optional=True, hint=plain("Why?")
    ),
    field("host", choice("static_select", "host", "host-a", "host-b")),
    field("sides", choice("multi_static_select", "sides", "windows", "wsl"), optional=True),
    field("level", choice("radio_buttons", "level", "low", "high", initial_option=option("low"))),
    field("flags", choice("checkboxes", "flags", "dry-run", "here"), optional=True),
    field("day", {"type": "datepicker", "action_id": "day"}, optional=True),
    field("time", {"type": "timepicker", "action_id": "time"}, optional=True),
    field("count", {"type": "number_input", "action_id": "count", "is_decimal_allowed": False}, optional=True),
    field("who", {"type": "users_select", "action_id": "who"}, optional=True),
    field("container", {"type": "external_select", "action_id": "container", "min_query_length": 1}, optional=True),
    callback_id="everything",
)

HOME: Part = home(
    {"type": "header", "text": plain("Fleet")},
    section(":large_green_circle: 3 hosts are healthy"),
    actions(button("health", style="primary"), choice("static_select", "language", "ja", "en")),
)
