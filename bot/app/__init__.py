"""The composition root: the life of the process, the parts of a bot, and what it does on its own machine.

life      process ─┬─ SQLite: owned at once ────────────────────────┬─▶ application ─ warm_up ─▶ server ─▶ health
                   └─ PostgreSQL: standby, until this copy may lead ─┘
doors     doors: control socket and status port, from the start to the end; front_desk: who answers at the socket
copies    build_copies: which copy this is, and who owns the database; standby_desk, build_standby: what is answered while it
          stands by; host_file_sharing: the host folder of the leader, for the others
leads     server: all that runs; run_changes: the engine and the clock (settle_loss before it); reload: another configuration
builds    build_environment: what the dispatcher uses; build_slack: the surface; build_…: the services of one room each
performs  own_changes, host_files, backup_files, key_backups, spool, member_announcements: actions on the bot itself
          own_machine: reads of it; file_work, received_file: files
"""
