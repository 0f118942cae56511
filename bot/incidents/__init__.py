"""Incidents: a problem that people work on together, and a record of it that writes itself.

handlers   what people type ─▶ acts, answers        open, act, resolve, show, report, report_sources;  audience
           observations: what is stored of its hosts;  concerns: what is still open on them
services   registry, under a lock ─ rules judge ─▶ one signed audit event an act ─ journal ─▶ rows and timeline
           collector, proof: what concerns its hosts;  status, announcements, reminders: said unasked
reports    answers, as reports                      listing, opening, obstacles, timeline, report, document
slack      the same for Slack                       messages: the status and its replies;  note_form, update_form
ports      what this wing needs of others, and what others may ask of it
rules      decisions without I/O                    transitions, requests, events, projection: an event becomes entries
           opening, likely_causes: what is wrong and why probably;  channels;  visibility: who may know of it
           reads: which requests are looks;  quiet: its lead is asked, others called;  milestones: times of its report
tables     rows and queries                         incidents, timeline, deliveries
model      the report of an incident, as a value;   build  makes the services over an open database

Each line may import the lines below it. Values that other wings exchange are in `bot.model.incident` and `incident_notice`,
the `[incidents]` table in `bot.config.incidents`, the operations in `commands.incidents`.
`bot.requests.incident_context` applies the defaults of its channel, `bot.app.run_incidents` has the periodic tasks.
Slack's ways in are `bot.slack.inbound.message_shortcut` and `reaction`.
"""
