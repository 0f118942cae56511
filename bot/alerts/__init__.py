"""Alerts: the watch, the life of alerts, their messages, silences and maintenance.

reads     host_reader ─▶ answers of one host              own_state: the bot itself      traffic_ledger: the access logs
judges    commands.alerts.watch, watch_fleet, traffic; commands.alerts.disk_signals; certificates (from certificate_survey)
          fleet_memory has the newest answers of all hosts, for what one host's check must know of the others
          identities, intruders (from identity_feed): the ledger, strangers;  rotation_signals, backup_state, key_state
moves     watch, disk_feed, certificate_feed ─ HostChecked ─▶ registry ─ signals: cleaned, matched ─ life: the rules ─▶ rows
shows     notifier, each round ─▶ outlook: what is due ─ routes, grouping, mutes ─▶ messages, words ─▶ announcements
mutes     mutes: what hides which alerts; mute_reminders: their ends
records   health_record: checks as observations, for digests and charts

`ports` has what each of these needs of the others, `settings` the `[alerts]` table. Values that other rooms exchange are in
`bot.model.alert` and `bot.model.alert_notice`; the rule of each condition is in `commands.alerts.conditions`.
"""
