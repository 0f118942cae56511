"""The record: what the signed log says. A row of the database is believed only as far as it is found here.

    start   ─ the whole chain, verified once ─▶ index in memory: number, mac, kind and operation of each event
    append  ─ is the newest row the one with which the index ends? ─▶ row ─▶ index             (else: a foreign row)
    read    ─ the numbers of the index ─▶ rows ─ mac known and signed? ─▶ events                (else: missing or changed)

Freshness cannot come from the database, which can be taken back to any earlier moment. It comes from this memory, and that
from the head file (`bot.store.audit_head_file`). A row that is inserted is never asked for. One that is removed, changed,
exchanged or replayed has another mac than the index.

`index` is pure, `record` reads and appends the rows. `bot.audit_log.log` owns both.
"""
