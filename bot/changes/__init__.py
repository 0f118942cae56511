"""Changes: plan, approval, durable run, outcome; and what hangs on them: locks, rehearsals, owed changes.

handlers   `approval`, `op`, `lock` and `owed`, as people type them
services   lifecycle: a change from its request to its end
           planner, planning_memory: the plan;  repository: rows and audit events of operations
           coordinator: decisions;  plan_openings, start_check, successors, resolution: what a decision needs
           engine: the durable workflow ─ executor ─ step_runner, step_binding, intent_log ─▶ hosts;  stream, transfer
           locks: locks, and the term that hosts are given;  owed: hosts that a change left out
reports    answers, as reports                      listing, owed
slack      the same for Slack                       card, buttons, details, updates
text       words that Slack and the terminal share  facts, progress, details
ports      what handlers and planning may ask of these
rules      decisions without I/O                    approval, transitions, admission: which may start;  start_refusals
           plan_diff, signature_check: is it what was approved;  trail, outcome: what was done;  locks, owed, rehearsals
tables     rows and queries                         operations, operation_statements, claims, step_starts
           locks, owed, rehearsals, proven_configurations

Each line may import the lines below it. Values that other wings exchange are in `bot.model.change`, `rehearsal`, `owed` and
`lock`, the plan itself in `commands.model.plan`.
"""
