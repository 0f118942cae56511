"""Writes the snapshots anew."""

from tests.bot.store.snapshots.files import write_snapshots

if __name__ == "__main__":
    for file, content in write_snapshots().items():
        file.write_text(content)
