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
readers   privacy: who may know of an incident, and where the bot speaks of it;  reads: what commands mean in its channel

`ports` has what these need of others, and others of them; `settings` the `[incidents]` table. Values that other rooms
exchange are in `bot.model.incident`, `incident_notice` and `incident_report`, the tables in `bot.store.incidents`,
`incident_timeline` and `incident_deliveries`.

Around this room, by what a person types:

list, show, resolve     bot.handlers.incidents                         ─▶ bot.reports.incidents, incident_timeline
open                    incident_opening: incident_observations        ─▶ incident_opening
resolve, reopen, merge  incident_ends: incident_concerns, still open   ─▶ incident_obstacles, incident_acts
all other acts          incident_acts                                  ─▶ incident_acts
report                  incident_report: incident_sources              ─▶ incident_report, incident_document
all of them             incident_places: readers, messages in its channel;  timeline_sight: which entries readers may see

The operations are in `commands.incidents`. `bot.requests.incident_context`
applies the defaults of the channel. `bot.app.build_incidents` has the periodic tasks. Slack's side is
`bot.slack.inbound.message_shortcut` and `reaction`, `bot.slack.answers.incident_messages`, `bot.rendering.slack.incident`.
"""
