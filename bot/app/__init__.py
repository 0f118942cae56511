"""The composition root: the life of the process, the parts of a bot, and what it does on its own machine.

life      process ─┬─ SQLite: owned at once ───────────────────────────┬─▶ application ─ warm_up ─▶ server
                   └─ PostgreSQL: standby, until this replica may lead ─┘
doors     endpoints: control socket and status port, from the start to the end;  control_answers: who answers at the socket
replicas  takeover: which replica this is, and who owns the database;  leading_rules: may it lead;  standby_answers: what is
          answered while it stands by;  host_file_sharing: the host folder of the leader, for the others
leads     server: all that runs;  run_alerts, run_changes (after settle_loss), run_incidents, run_ledger, run_schedules: one
          wing each;  reload: another configuration
builds    build_services: what requests are answered with;  build_backups, build_changes, build_feeds, build_hosts: services
performs  host_files, backup_files, key_backup_files, spool: actions on the bot itself;  own_machine: reads of it;  files
"""
