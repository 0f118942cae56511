"""Alerts: the watch, the life of alerts, their messages, silences and maintenance.

handlers   `alert`, `silence` and `maintenance`, as people type them
services   watch ─ host_reader ─▶ answers of one host;  own_state: of the bot itself;  traffic: access logs
           report_feeds: what reports of `cert` and `disk` say;  fleet_memory: the newest answers of all hosts
           all ─▶ registry: applies checks to rows;  notifier: shows what moved;  mutes, mute_reminders
reports    answers, as reports                      listing, history, mutes, monthly
slack      the same for Slack                       message, buttons
ports      what each of these needs of the others, and what other wings may ask
rules      decisions without I/O                    signals: a check, cleaned and matched ─ transitions ─▶ the next state
           certificates, identities, intruders: more alerts;  routes, due_messages, mutes: what is shown to whom
tables     rows and queries                         alerts, history, mutes, traffic
build      makes the services over an open database

Each line may import the lines below it. Values that other wings exchange are in `bot.model.alert` and `alert_notice`, the
`[alerts]` table in `bot.config.alerts`, what a check finds wrong in `commands.alerts.watch`, `watch_fleet`, `traffic` and
`disk_signals`, the rule of each condition in `commands.alerts.conditions`.
"""
