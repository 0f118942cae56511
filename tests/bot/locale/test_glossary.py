"""Texts for people keep to one vocabulary: words that are not used, one Japanese term for each English one, punctuation."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.phrases import catalogue, messages, strings

LONGEST = 20
"""Words in a sentence; values do not count."""


@dataclass(frozen=True)
class Entry:
    """One message: its English forms and its Japanese text. Values, and keys of the configuration, are `{}`."""

    id: str
    english: tuple[str, ...]
    japanese: str


def entries() -> Iterator[Entry]:
    for message in messages(catalogue("ja")):
        forms = (message.id,) if isinstance(message.id, str) else tuple(message.id)
        yield Entry(forms[0], tuple(map(_bare, forms)), _bare(strings(message)[0]))


def _bare(text: str) -> str:
    return re.sub(r"\{\w+\}|\[\[?[a-z.]+\]\]?|\b[a-z]+_[a-z_]+\b", "{}", text)


ENGLISH = {
    "requester, approver, administrator, owner": r"\b(nobody|somebody|anybody|everybody|whoever|whatever)\b",
    "machines report, return, show": r"\b(tells?|told|says?|said)\b",
    "rolled back, restored": r"\b(undo|undone|(puts?|take|takes|taken) (\w+ )?back)\b",
    "is not a …, not found": r"\b(is|are|was) no (?!longer\b)|\bthere (is|are|was|were) no\b",
    "nothing to do, upcoming": r"\b(is|are) to be\b|\bto come\b",
    "fix": r"\bmend(s|ed|ing)?\b",
    "is in, put": r"\b(lies|lay|stands(?! by\b))\b",
    "configuration": r"\binventor(y|ies)\b",
    "unreachable": r"\bnot reached\b",
    "healthy": r"\b(is|are|all|not) well\b|^well$",
    "check": r"\b(looks?|looked|looking)\b(?! like)",
    "problem": r"\b(findings?|trouble)\b",
    "could not parse": r"\bcannot be understood\b",
    "scheduled": r"\bby the clock\b",
    "result, response": r"\banswers?\b",
    "connection": r"\bsides?\b",
    "again": r"\banew\b",
    "ID": r"\bids?\b",
    "a sentence ends with a full stop": r";",
    "American spelling": r"\b\w*(colour|behaviour|favour|honour|centre|licence|catalogue)\w*"
    r"|\b(author|initial|normal|organ|recogn|summar|synchron|minim|maxim|optim|real|serial|util)is(e|ed|es|ing|ation)\b"
    r"|\b(cancel|label|travel|model|signal)l(ed|ing)\b",
}
"""What is said instead, and what is not said."""

JAPANESE = {
    "依頼": r"リクエスト|頼[みむまん]|尋ね",
    "ステップ": r"手順",
    "問題": r"所見|指摘",
    "設定": r"インベントリ",
    "Lighthouse, Gateway": r"ライトハウス|ゲートウェイ",
    "ロール": r"役割",
    "ターミナル": r"端末",
    "カンマ": r"コンマ",
    "ほかの": r"他の",
    "フォルダー": r"フォルダ(?!ー)",
    "ロールバック済み": r"復元済み",
    "緊急実行": r"単独実行",
    "実行できません": r"断[りらっ]",
    "コマンド": r"言葉",
    "結果, 応答": r"回答|答え",
    "キャンセル, ロック": r"やめる|禁じ",
    "所有者": r"担当者",
    "実行漏れ": r"逃した",
    "調査資料": r"証拠",
    "バックアップ": r"写し",
    "報告してください, 確認できます": r"知らせ|教え|見たまま|もう受け",
    "ID": r"(?<![a-zA-Z])[iI]d(?![a-zA-Z])",
    "half-width punctuation and letters": r"[（）！？，．：；;Ａ-Ｚａ-ｚ０-９]",
    "a space before a bracket": r"[^\s「(\[/.:\w-]\(|[\u3040-\u30ff\u3400-\u9fff}]\(",
    "a space after a bracket": r"\)[\u3040-\u30ff\u3400-\u9fffA-Za-z{]",
    "no space within brackets": r"\(\s(?!\))|(?<![(:])\s\)",
    "a space beside Latin letters": r"[\u3040-\u30ff\u3400-\u9fff][A-Za-z]|[A-Za-z][\u3040-\u30ff\u3400-\u9fff]",
    "no space around full stops and commas": r"\s[、。]|[、。]\s",
    "one space": r"\s\s",
}

TERMS = {
    r"\brequesters?\b": "依頼者",
    r"\bapprovers\b(?! =)": "承認者|承認できる人",
    r"\broll(ed)? back\b": "ロールバック|元に戻",
    r"\bresult unknown\b": "結果不明",
    r"\bemergency change": "緊急実行",
    r"\bconfiguration\b": "設定",
    r"\blighthouse\b": "lighthouse",
    r"\bgateways?\b": "gateway",
    r"\broles?\b": "ロール",
    r"\b(expires?|expired|expiry)\b": "期限|有効",
    r"\bfolders?\b": "フォルダー",
    r"\bIDs?\b": "ID",
    r"\bbackups?\b": "バックアップ",
    r"\bwithdr[ae]wn?\b": "取り下げ",
    r"\b(deny|denied|denials)\b": "却下",
    r"\bunreachable\b": "接続不可|接続でき",
    r"\bunhealthy\b": "異常",
    r"\bhealthy\b": "正常",
    r"\bpaused?\b": "一時停止",
    r"\baudit log\b": "監査ログ",
    r"\bcertificates?\b": "証明書",
    r"\b(terminal)\b": "ターミナル",
    r"\bsecrets\b": "シークレット|秘密",
    r"\btime zone\b": "タイムゾーン",
    r"\bdatabase\b": "データベース",
    r"\bbuilt-in\b": "組み込み",
    r"\bcomma-separated\b": "カンマ区切り",
    r"\bplan\b": "計画",
    r"\breview(s|ed)?\b": "レビュー",
    r"\baccept(s|ed|ing)? (the|a) loss\b": "受け入れ",
    r"\bproblems?\b": "問題",
    r"\brules?\b": "ルール|規則",
    r"\bapproved?\b": "承認",
    r"\bstopped\b": "停止|中止",
    r"\bservices?\b": "サービス",
    r"\badministrators\b": "管理者",
    r"\bschedules\b": "スケジュール|定期実行",
}
"""An English term, and what its translation has; in either case."""

EXEMPT = {
    # these words are typed, not read
    "if the bot was not running at that time: run (late), skip, or tell (only notify)",
    "done, undone (rolled back), or failed (left incomplete, the default)",
    "{host} must be: name id windows [wsl [gateway]], each a single word",
    "has no connection. Specify at least one of windows, wsl and gateway",
    "needs certificate_file and key_file for the transport certificate",
    # the term says something else here
    "permission denied",
    "This result has expired. Type {command} for the current status.",
}


def faults(rules: dict[str, str], texts: Callable[[Entry], tuple[str, ...]]) -> list[str]:
    return [
        f"{entry.id!r}: {match[0]!r}, instead: {instead}"
        for entry in entries()
        if entry.id not in EXEMPT
        for text in texts(entry)
        for instead, pattern in rules.items()
        if (match := re.search(pattern, text))
    ]


def test_english_keeps_to_the_glossary() -> None:
    assert [] == faults(ENGLISH, lambda entry: entry.english)


def test_japanese_keeps_to_the_glossary() -> None:
    assert [] == faults(JAPANESE, lambda entry: (entry.japanese,))


@pytest.mark.parametrize(("term", "meant"), TERMS.items())
def test_an_english_term_has_one_japanese_term(term: str, meant: str) -> None:
    assert [] == [
        f"{entry.id!r}: {entry.japanese}"
        for entry in entries()
        if entry.id not in EXEMPT
        if any(re.search(term, text, re.IGNORECASE) for text in entry.english)
        if not re.search(meant, entry.japanese, re.IGNORECASE)
    ]


def test_sentences_are_short() -> None:
    words = {
        sentence: len(sentence.replace("{}", " ").split())
        for entry in entries()
        for text in entry.english
        for sentence in re.split(r"(?<=[.?!:]) ", text)
    }
    assert [] == [sentence for sentence, count in words.items() if count > LONGEST]


@pytest.mark.parametrize("rules", [ENGLISH, JAPANESE], ids=["english", "japanese"])
def test_no_word_is_forbidden_that_is_recommended(rules: dict[str, str]) -> None:
    for instead in rules:
        assert not any(re.search(pattern, word) for word in instead.split(", ") for pattern in rules.values())


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (ENGLISH, "ask somebody else"),
        (ENGLISH, "Windows does not tell the state"),
        (ENGLISH, "it was taken back"),
        (ENGLISH, "{} is no span of time"),
        (ENGLISH, "try again; then stop"),
        (ENGLISH, "the colour of the label"),
        (ENGLISH, "it was cancelled"),
        (JAPANESE, "他の人"),
        (JAPANESE, "空き(全体)"),
        (JAPANESE, "空き {}(全体)"),
        (JAPANESE, "(空き)です"),
        (JAPANESE, "ホスト（全体）"),
        (JAPANESE, "WSL2のログ a のWSL"),
        (JAPANESE, "新しいフォルダ"),
    ],
)
def test_the_rules_find_what_they_are_for(rules: dict[str, str], text: str) -> None:
    assert any(re.search(pattern, text) for pattern in rules.values())
