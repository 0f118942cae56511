"""Labels of buttons: a verb with the command's arguments, in both languages."""

from zoneinfo import ZoneInfo

import pytest

from bot.locale.texts import get_texts
from commands.catalogue import CATALOGUE
from commands.language.help import list_arguments
from commands.language.labels import label_request
from commands.model.operation import Operation

ENGLISH, JAPANESE = (get_texts(language, ZoneInfo("Asia/Tokyo")) for language in ("en", "ja"))


@pytest.mark.parametrize(
    ("words", "english", "japanese"),
    [
        ("service start nebula host-b", "Start Nebula on host-b", "host-b の Nebula を起動"),
        ("health", "Check all hosts", "全ホストを確認"),
        ("health host-b --details", "Check host-b (details)", "host-b を確認 (詳細)"),
        ("disk all --details", "Show the disks of all hosts (details)", "全ホストのディスクを表示 (詳細)"),
        (
            "log error host-b --since 1h",
            "Show the error log of host-b (--since 1h)",
            "host-b の error ログを表示 (--since 1h)",
        ),
        ("cert renew host-a,host-b", "Renew the certificate of host-a and host-b", "host-a、host-b の証明書を更新"),
        (
            "health a,b,c,d,e",
            "Check a, b, c and 2 more",
            "a、b、c、ほか 2 件 を確認",
        ),
        ("op continue", "Continue …", "… を続行"),
        ("lock add host-a 2h disk swap", "Lock host-a (2h, disk swap)", "host-a をロック (2h、disk swap)"),
        (
            "health host-a --details --here",
            "Check host-a (details, --here)",
            "host-a を確認 (詳細、--here)",
        ),
        ("lock add host-a", "Lock host-a", "host-a をロック"),
        (
            "op resolve op-0123456789ab --outcome undone",
            "Report the outcome of op-0123456789ab (--outcome undone)",
            "op-0123456789ab の結果を報告 (--outcome undone)",
        ),
        ("deny op-0123456789ab", "Deny op-0123456789ab", "op-0123456789ab を却下"),
        ("op cancel op-0123456789ab op-ba9876543210", "Withdraw or stop …", "… を取り下げまたは停止"),
        ("op resolve", "Report the outcome of …", "… の結果を報告"),
        ("op resolve op-0123456789ab --outcome lost", "Report the outcome of …", "… の結果を報告"),
        ("incident show", "Show incident …", "インシデント … を表示"),
        ("incident note --incident 3", "Add a note to incident 3", "インシデント 3 にメモを追加"),
        ("incident note", "Add a note to the incident", "インシデント にメモを追加"),
        ('incident resolve "a cable" --incident 3', "Resolve incident 3", "インシデント 3 を解決済みにする"),
        ("incident merge 4 --into 3", "Merge incident 4 into incident 3", "インシデント 4 を インシデント 3 に統合"),
        ('incident open "502" host-e --alert 4', "Open an incident on host-e", "host-e のインシデントを開始"),
        (
            'incident open "502" host-e --results requester',
            "Here, results for the requester",
            "ここで開始 (結果は依頼者に表示)",
        ),
        ('incident open "502" host-e --new', "In a new private channel", "新しいプライベートチャンネルで開始"),
        ('incident open "502" --new --public', "In a new public channel", "新しいパブリックチャンネルで開始"),
        ('incident open "502" --another', "Open another incident", "別のインシデントを開始"),
        (
            'incident open "502" --new --another',
            "Open another incident, in a private channel",
            "別のインシデントをプライベートチャンネルで開始",
        ),
        (
            'incident open "502" --new --public --agree --another',
            "Create the public channel",
            "パブリックチャンネルを作成",
        ),
        ("nonsense here", "nonsense here", "nonsense here"),
    ],
)
def test_a_label_says_what_a_button_does(words: str, english: str, japanese: str) -> None:
    label = label_request(words, CATALOGUE)
    assert (english, japanese) == (label.render_sentence(ENGLISH), label.render_sentence(JAPANESE))


@pytest.mark.parametrize("operation", CATALOGUE, ids=lambda operation: "-".join(operation.words))
def test_the_values_of_a_label_are_fields_and_those_of_its_example_are_all_known(operation: type[Operation]) -> None:
    assert set(operation.label.values) <= {argument.field for argument in list_arguments(operation)}
    assert "…" not in str(label_request(operation.example, CATALOGUE))
    assert {"…"} >= set(operation.label.values.values())
