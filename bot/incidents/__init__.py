"""Incidents: a problem that people work on together, and a record of it that writes itself.

opens     conflicts: one cause, one incident;  snapshot, likely: what is wrong and why probably;  channels: its own channel
acts      registry, under a lock: life (pure) judges ─▶ events: one signed audit event an act ─▶ the audit log
          requests: what is asked of it, and its refusals
rows      journal: signed events ─ life.apply ─▶ row and timeline entry, again after a crash
collects  collector: looks, changes (projection) and moves of alerts that concern its hosts (scope) ─▶ timeline entries
          looks: which requests are looks;  proof: each entry against the audit log and the histories of alerts
shows     status: one message that is edited, and replies;  proposals: all alerts are resolved
          updates, announcer: for those who wait;  quiet (pure), reminders, quiet_messages: the lead is asked, others called
ends      report, from report_events
readers   privacy: who may know of an incident;  reads: what commands mean in its channel

`ports` has what these need of others, and others of them; `settings` the `[incidents]` table. Values that other rooms
exchange are in `bot.model.incident` and `bot.model.incident_notice`, the tables in `bot.store.incidents`,
`incident_timeline` and `incident_deliveries`.
"""
