"""docs/guide.md has each section of the guide, with operations and tests that exist; its Japanese twin names the same."""

import re
from pathlib import Path

import pytest

from commands.catalogue import CATALOGUE

ENGLISH, JAPANESE = Path("docs/guide.md"), Path("docs/guide.ja.md")

SECTIONS = (
    "毎日のヘルスチェック",
    "週次タスク",
    "月次タスク",
    *(f"新規ホストの追加 Step {n}" for n in (1, 2, 3, 4)),
    *(f"ホストの削除 Step {n}" for n in (1, 2, 3, 4)),
    "ホストの一時停止",
    "証明書の有効期限確認",
    "証明書の更新: ホスト証明書の更新",
    "証明書の更新: CA 証明書の更新",
    "証明書のバックアップ",
    "コンテナの起動",
    "コンテナの移行",
    "コンテナの一括管理",
    "設定のリロード",
    "ピアの追加・削除",
    "同期状態の確認",
    "Escalation 状態の管理",
    "ログの場所",
    "ログの確認",
    "アラート設定",
    "バックアップ対象",
    "バックアップスクリプト",
    "復旧手順",
    "よく使うコマンド",
)
"""The sections of the operators' guide, in its language and order."""


def read_rows(page: Path) -> list[list[str]]:
    """The cells of the table's rows."""
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if not line.startswith("| ---")][1:]


def list_quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("page", [ENGLISH, JAPANESE])
def test_every_operation_of_the_guide_exists(page: Path) -> None:
    known = {" ".join(words) for operation in CATALOGUE for words in (operation.words, *operation.aliases)}
    named = {re.sub(r" --.*", "", words) for row in read_rows(page) for words in list_quoted(row[1])}
    assert set() == named - known


@pytest.mark.parametrize("page", [ENGLISH, JAPANESE])
def test_every_test_of_the_guide_exists(page: Path) -> None:
    rows = read_rows(page)
    assert [] == [name for row in rows for name in list_quoted(row[2]) if not Path(name).exists()]


def test_every_section_of_the_guide_has_its_rows_in_the_order_of_the_guide() -> None:
    begun = [next((name for name in SECTIONS if row[0].startswith(name)), row[0]) for row in read_rows(JAPANESE)]
    assert list(SECTIONS) == list(dict.fromkeys(begun))


@pytest.mark.parametrize("page", [ENGLISH, JAPANESE])
def test_each_section_has_an_operation_and_a_test(page: Path) -> None:
    assert [] == [
        section for section, operation, test, _ in read_rows(page) if not list_quoted(operation) or not list_quoted(test)
    ]


def test_both_languages_name_the_same_operations_and_tests() -> None:
    assert [row[1:3] for row in read_rows(ENGLISH)] == [row[1:3] for row in read_rows(JAPANESE)]
