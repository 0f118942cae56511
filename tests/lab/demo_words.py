"""What the demo prints, in each language that it speaks."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.model.output import detect_language
from tests.lab import STORY_HOSTS, day

LANGUAGES = ("en", "ja")

LOCALES = {"en": "en_US.UTF-8", "ja": "ja_JP.UTF-8"}
"""The locale of a terminal, by language."""


@dataclass(frozen=True)
class Words:
    """The texts of one language."""

    fleet: str
    bot: str
    ending: str
    welcome: str
    programme: str
    begin: str
    over: str
    weekdays: tuple[str, ...]

    def time(self, at: datetime) -> str:
        """Format a moment of the day, such as `Monday 09:00`."""
        local = at.astimezone(day.ZONE)
        return f"{self.weekdays[local.weekday()]} {local:%H:%M}"


WORDS = {
    "en": Words(
        fleet="Starting the fleet and the workspace",
        bot="Starting the bot",
        ending="Ending the demo. Nothing of it is kept.",
        welcome="""
A fleet of {hosts} hosts and a lighthouse, a Slack workspace, and the bot between them. Open

    {page}

in a browser and type: /flatnet health

Run the bot's shell on the same fleet in another terminal:

    {shell}

docs/walk.md shows what else to try. Logs: {log}
Press Ctrl-C to end the demo.""",
        programme="""
A day in a minute, from Monday 08:30 to Tuesday 09:10 in Tokyo. What to watch in #ops:

    Monday  08:33   alerts of what is wrong; at 08:40 Kenji acknowledges them, and silences those of host-d
            09:00   the digest with its chart, and alerts of certificates: one has expired, two expire soon
            09:05   the weekly report
            13:00   the alert of host-a's gateway fires; at 13:05 Kenji acknowledges it
            17:00   it is resolved
    Tuesday 09:00   the digest shows what has changed
""",
        begin="Press Enter to begin.",
        over="the day is over. Time runs at its real speed now: press buttons, run commands, look back.",
        weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    ),
    "ja": Words(
        fleet="ホスト群とワークスペースを起動しています",
        bot="ボットを起動しています",
        ending="デモを終了します。データは残りません。",
        welcome="""
ホスト {hosts} 台と Lighthouse、Slack ワークスペース、その間で動くボットです。ブラウザーで

    {page}

を開き、/flatnet health と入力してください。

同じホスト群でボットのシェルを使うには、別のターミナルで実行してください:

    {shell}

ほかに試せること: docs/walk.ja.md  ログ: {log}
Ctrl-C で終了します。""",
        programme="""
東京の月曜 08:30 から火曜 09:10 までを 1 分で再生します。#ops に表示されるもの:

    月曜  08:33   いま起きている問題のアラート。08:40 に健二が確認済みにし、host-d はサイレンスにする
          09:00   グラフ付きのダイジェストと、証明書のアラート (期限切れ 1 件、まもなく期限切れ 2 件)
          09:05   週次レポート
          13:00   host-a の Gateway のアラートが発生。13:05 に健二が確認済みにする
          17:00   解決
    火曜  09:00   変化を示すダイジェスト
""",
        begin="Enter を押すと始まります。",
        over="再生が終わりました。ここからは実際の速さで時間が進みます。ボタンやコマンドを試せます。",
        weekdays=("月曜", "火曜", "水曜", "木曜", "金曜", "土曜", "日曜"),
    ),
}


def welcome(language: str, page: str, shell: str, log: Path) -> str:
    """Say what can be done with the demo, and where."""
    return WORDS[language].welcome.format(hosts=STORY_HOSTS, page=page, shell=shell, log=log)


def shell_command(language: str, program: Path, config: Path, terminal: dict[str, str]) -> str:
    """Build the command of the shell in the demo's language, for a terminal with these environment variables."""
    command = f"{program} shell --config {config}"
    return command if detect_language(terminal) in ("", language) else f"LC_ALL={LOCALES[language]} {command}"
