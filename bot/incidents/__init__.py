"""Incidents: a problem that people work on together, and a record of it that writes itself.

acts      registry, under a lock: life (pure) judges ─▶ events: one signed audit event an act ─▶ the audit log
          requests: what is asked of it, and its refusals;  channels: a channel that is made for an incident
rows      journal: signed events ─ life.apply ─▶ row and timeline entry, again after a crash
readers   privacy: who may know of an incident;  reads: what commands mean in its channel

`ports` has what these need of others, and others of them; `settings` the `[incidents]` table. Values that other rooms
exchange are in `bot.model.incident`, the tables in `bot.store.incidents`, `incident_timeline` and `incident_deliveries`.
"""
