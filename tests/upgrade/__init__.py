"""Tests with data of the version before the move of modules (commit a758a60): it is read, shown and asked for again.

`fixtures/` was made once with the code of that commit. Its bot ran between the lab fleet and the lab workspace on a clock
that began at 2026-01-31 08:59:45 in Tokyo, with `fixtures/flatnet.toml`, whose addresses led to the lab. People asked,
decided and opened forms. Then, while the second host of a change stood before its restart, both databases were dumped with
`sqlite3`'s `iterdump` (`database.sql`, `engine.sql`), and beside them the audit head, the messages, the payloads of clicks
that were never delivered, and the certificates on the hosts' disks. All keys are the lab's and open nothing.
"""
