CREATE TABLE alert_changes (
	alert INTEGER NOT NULL,
	version INTEGER NOT NULL,
	at TEXT NOT NULL,
	state TEXT NOT NULL,
	severity TEXT NOT NULL,
	actor TEXT NOT NULL,
	PRIMARY KEY (alert, version)
)
 STRICT

CREATE INDEX alert_changes_by_time ON alert_changes (at)

CREATE TABLE alerts (
	number INTEGER NOT NULL,
	host TEXT NOT NULL,
	subject TEXT NOT NULL,
	condition TEXT NOT NULL,
	severity TEXT NOT NULL,
	state TEXT NOT NULL,
	version INTEGER NOT NULL,
	shown INTEGER NOT NULL,
	streak INTEGER NOT NULL,
	step INTEGER NOT NULL,
	short TEXT NOT NULL,
	why TEXT NOT NULL,
	next TEXT,
	cause TEXT NOT NULL,
	began_at TEXT NOT NULL,
	checked_at TEXT NOT NULL,
	first_fired_at TEXT,
	fired_at TEXT,
	resolved_at TEXT,
	outcome TEXT,
	acknowledged_by TEXT NOT NULL,
	acknowledged_at TEXT,
	acknowledged_until TEXT,
	message TEXT NOT NULL,
	repeated_at TEXT,
	escalated_at TEXT,
	PRIMARY KEY (number)
)
 STRICT

CREATE INDEX alerts_by_end ON alerts (resolved_at)

CREATE INDEX alerts_by_message ON alerts (message)

CREATE INDEX alerts_unshown ON alerts (number) WHERE version > shown

CREATE UNIQUE INDEX alerts_open ON alerts (host, subject) WHERE resolved_at IS NULL

CREATE TABLE answers (
	operation TEXT NOT NULL,
	actor TEXT NOT NULL,
	words TEXT NOT NULL,
	made_at TEXT NOT NULL,
	expires_at TEXT NOT NULL,
	document BLOB NOT NULL,
	files TEXT NOT NULL,
	PRIMARY KEY (operation)
)
 STRICT

CREATE INDEX answers_by_actor ON answers (actor, made_at)

CREATE INDEX answers_by_end ON answers (expires_at)

CREATE INDEX answers_by_words ON answers (words, made_at)

CREATE TABLE audit (
	sequence INTEGER NOT NULL,
	at TEXT NOT NULL,
	kind TEXT NOT NULL,
	actor TEXT NOT NULL,
	operation TEXT NOT NULL,
	data TEXT NOT NULL,
	"key" TEXT NOT NULL,
	previous TEXT NOT NULL,
	mac TEXT NOT NULL,
	PRIMARY KEY (sequence)
)
 STRICT

CREATE INDEX audit_by_operation ON audit (operation, sequence)

CREATE INDEX audit_of_acceptances ON audit (sequence) WHERE kind = 'accepted'

CREATE INDEX audit_of_rotations ON audit (sequence) WHERE kind = 'rotation'

CREATE INDEX audit_of_suspensions ON audit (sequence) WHERE kind = 'suspension'

CREATE TABLE backups (
	id TEXT NOT NULL,
	host TEXT NOT NULL,
	at TEXT NOT NULL,
	operation TEXT NOT NULL,
	manifest TEXT NOT NULL,
	manifest_sha256 TEXT NOT NULL,
	first TEXT NOT NULL,
	second TEXT NOT NULL,
	checked_at TEXT,
	verified_at TEXT,
	fault TEXT NOT NULL,
	removed_at TEXT,
	files TEXT NOT NULL,
	PRIMARY KEY (id)
)
 STRICT

CREATE INDEX backups_by_host ON backups (host, at)

CREATE TABLE checks (
	host TEXT NOT NULL,
	area TEXT NOT NULL,
	at TEXT NOT NULL,
	findings TEXT NOT NULL,
	complete INTEGER NOT NULL,
	ends_at TEXT,
	PRIMARY KEY (host, area)
)
 STRICT

CREATE TABLE claims (
	host TEXT NOT NULL,
	operation TEXT NOT NULL,
	PRIMARY KEY (host)
)
 STRICT

CREATE TABLE copies (
	name TEXT NOT NULL,
	version TEXT NOT NULL,
	revision TEXT NOT NULL,
	digest TEXT NOT NULL,
	audit_key TEXT NOT NULL,
	role TEXT NOT NULL,
	why TEXT NOT NULL,
	clock_ms INTEGER NOT NULL,
	seen_at TEXT NOT NULL,
	PRIMARY KEY (name)
)
 STRICT

CREATE TABLE digests (
	operation TEXT NOT NULL,
	at TEXT NOT NULL,
	document BLOB NOT NULL,
	PRIMARY KEY (operation)
)
 STRICT

CREATE INDEX digests_by_time ON digests (at)

CREATE TABLE drills (
	number INTEGER NOT NULL,
	authority TEXT NOT NULL,
	public_key TEXT NOT NULL,
	opened_at TEXT NOT NULL,
	ends_at TEXT NOT NULL,
	opened_by TEXT NOT NULL,
	passed_at TEXT,
	passed_by TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	refused_at TEXT,
	fault TEXT NOT NULL,
	PRIMARY KEY (number)
)
 STRICT

CREATE TABLE good_configurations (
	host TEXT NOT NULL,
	area TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	folder TEXT NOT NULL,
	operation TEXT NOT NULL,
	at TEXT NOT NULL,
	PRIMARY KEY (host, area)
)
 STRICT

CREATE TABLE handshake_positions (
	host TEXT NOT NULL,
	at TEXT NOT NULL,
	position TEXT NOT NULL,
	PRIMARY KEY (host)
)
 STRICT

CREATE TABLE host_files (
	id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	content TEXT NOT NULL,
	mac TEXT NOT NULL,
	PRIMARY KEY (id)
)
 STRICT

CREATE TABLE identities (
	fingerprint TEXT NOT NULL,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	address TEXT NOT NULL,
	groups TEXT NOT NULL,
	issuer TEXT NOT NULL,
	begins_at TEXT,
	ends_at TEXT,
	operation TEXT NOT NULL,
	signed_at TEXT,
	abandoned INTEGER NOT NULL,
	first_seen_at TEXT,
	seen_at TEXT,
	PRIMARY KEY (fingerprint)
)
 STRICT

CREATE INDEX identities_by_address ON identities (address)

CREATE INDEX identities_by_name ON identities (name)

CREATE TABLE inbox (
	"key" TEXT NOT NULL,
	kind TEXT NOT NULL,
	payload TEXT NOT NULL,
	received_at TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	finished_at TEXT,
	taken_by TEXT,
	mac TEXT,
	PRIMARY KEY ("key")
)
 STRICT

CREATE INDEX inbox_by_end ON inbox (finished_at, received_at)

CREATE TABLE incident_channels (
	channel TEXT NOT NULL,
	name TEXT NOT NULL,
	PRIMARY KEY (channel)
)
 STRICT

CREATE TABLE incident_deliveries (
	incident INTEGER NOT NULL,
	posting INTEGER NOT NULL,
	shown TEXT NOT NULL,
	replied INTEGER NOT NULL,
	announced INTEGER NOT NULL,
	asked INTEGER NOT NULL,
	asked_at TEXT,
	offered_at TEXT,
	called_at TEXT,
	proposed INTEGER NOT NULL,
	PRIMARY KEY (incident)
)
 STRICT

CREATE TABLE incident_entries (
	operation TEXT NOT NULL,
	incident INTEGER NOT NULL,
	at TEXT NOT NULL,
	actor TEXT NOT NULL,
	words TEXT NOT NULL,
	answer TEXT NOT NULL,
	PRIMARY KEY (operation)
)
 STRICT

CREATE INDEX incident_entries_by_time ON incident_entries (incident, at)

CREATE TABLE incident_position (
	id INTEGER NOT NULL,
	sequence INTEGER NOT NULL,
	PRIMARY KEY (id)
)
 STRICT

CREATE TABLE incident_timeline (
	incident INTEGER NOT NULL,
	number INTEGER NOT NULL,
	source TEXT NOT NULL,
	kind TEXT NOT NULL,
	happened_at TEXT NOT NULL,
	recorded_at TEXT NOT NULL,
	author TEXT NOT NULL,
	text TEXT NOT NULL,
	hosts TEXT NOT NULL,
	words TEXT NOT NULL,
	operation TEXT NOT NULL,
	link TEXT NOT NULL,
	about INTEGER NOT NULL,
	PRIMARY KEY (incident, number),
	UNIQUE (incident, source)
)
 STRICT

CREATE INDEX incident_timeline_by_time ON incident_timeline (incident, happened_at)

CREATE TABLE incidents (
	number INTEGER NOT NULL,
	operation TEXT NOT NULL,
	channel TEXT NOT NULL,
	title TEXT NOT NULL,
	target TEXT NOT NULL,
	opened_by TEXT NOT NULL,
	opened_at TEXT NOT NULL,
	resolution TEXT NOT NULL,
	resolved_by TEXT NOT NULL,
	resolved_at TEXT,
	was TEXT NOT NULL,
	private INTEGER,
	shared INTEGER NOT NULL,
	state TEXT NOT NULL,
	version INTEGER NOT NULL,
	document TEXT NOT NULL,
	PRIMARY KEY (number),
	UNIQUE (operation)
)
 STRICT

CREATE INDEX incidents_by_state ON incidents (state)

CREATE UNIQUE INDEX incidents_open ON incidents (channel) WHERE state IN ('open', 'mitigated') AND channel <> ''

CREATE TABLE key_backups (
	id TEXT NOT NULL,
	authority TEXT NOT NULL,
	name TEXT NOT NULL,
	recipients TEXT NOT NULL,
	size INTEGER NOT NULL,
	sha256 TEXT NOT NULL,
	certificate_sha256 TEXT NOT NULL,
	manifest_sha256 TEXT NOT NULL,
	at TEXT NOT NULL,
	operation TEXT NOT NULL,
	first TEXT NOT NULL,
	second TEXT NOT NULL,
	checked_at TEXT,
	verified_at TEXT,
	fault TEXT NOT NULL,
	PRIMARY KEY (id)
)
 STRICT

CREATE INDEX key_backups_by_authority ON key_backups (authority, at)

CREATE TABLE leader (
	id INTEGER NOT NULL,
	term INTEGER NOT NULL,
	name TEXT NOT NULL,
	version TEXT NOT NULL,
	digest TEXT NOT NULL,
	audit_key TEXT NOT NULL,
	since TEXT NOT NULL,
	PRIMARY KEY (id)
)
 STRICT

CREATE TABLE locks (
	target TEXT NOT NULL,
	reason TEXT NOT NULL,
	owner TEXT NOT NULL,
	added_at TEXT NOT NULL,
	ends_at TEXT NOT NULL,
	removed_by TEXT NOT NULL,
	number INTEGER NOT NULL,
	operation TEXT NOT NULL,
	PRIMARY KEY (number),
	UNIQUE (operation)
)
 STRICT

CREATE INDEX locks_by_end ON locks (ends_at)

CREATE TABLE log_positions (
	host TEXT NOT NULL,
	at TEXT NOT NULL,
	position TEXT NOT NULL,
	PRIMARY KEY (host)
)
 STRICT

CREATE TABLE mutes (
	number INTEGER NOT NULL,
	kind TEXT NOT NULL,
	what TEXT NOT NULL,
	reason TEXT NOT NULL,
	owner TEXT NOT NULL,
	identity TEXT NOT NULL,
	operation TEXT NOT NULL,
	channel TEXT NOT NULL,
	added_at TEXT NOT NULL,
	ends_at TEXT NOT NULL,
	reminded_at TEXT,
	removed_by TEXT NOT NULL,
	PRIMARY KEY (number),
	UNIQUE (operation)
)
 STRICT

CREATE INDEX mutes_by_end ON mutes (ends_at)

CREATE TABLE observations (
	at INTEGER NOT NULL,
	host TEXT NOT NULL,
	well INTEGER NOT NULL,
	troubled INTEGER NOT NULL,
	unreached INTEGER NOT NULL,
	failed TEXT NOT NULL,
	answers INTEGER NOT NULL,
	answer_ms INTEGER NOT NULL,
	PRIMARY KEY (at, host)
)
 WITHOUT ROWID,
 STRICT

CREATE TABLE operation_hosts (
	operation TEXT NOT NULL,
	host TEXT NOT NULL,
	PRIMARY KEY (operation, host)
)
 STRICT

CREATE INDEX operation_hosts_by_host ON operation_hosts (host)

CREATE TABLE operations (
	operation TEXT NOT NULL,
	words TEXT NOT NULL,
	kind TEXT NOT NULL,
	arguments TEXT NOT NULL,
	risk INTEGER NOT NULL,
	requester TEXT NOT NULL,
	identity TEXT NOT NULL,
	surface TEXT NOT NULL,
	channel TEXT NOT NULL,
	card TEXT NOT NULL,
	reason TEXT NOT NULL,
	state TEXT NOT NULL,
	digest TEXT NOT NULL,
	hosts TEXT NOT NULL,
	approval TEXT,
	approval_state TEXT,
	break_glass TEXT,
	waits_for TEXT,
	running TEXT NOT NULL,
	stopping TEXT NOT NULL,
	why TEXT,
	"before" TEXT NOT NULL,
	"after" TEXT NOT NULL,
	asked_at TEXT NOT NULL,
	expires_at TEXT NOT NULL,
	ready_at TEXT,
	started_at TEXT,
	ended_at TEXT,
	version INTEGER NOT NULL,
	shown INTEGER NOT NULL,
	told TEXT NOT NULL,
	"plan" BLOB NOT NULL,
	review_open INTEGER NOT NULL,
	PRIMARY KEY (operation)
)
 STRICT

CREATE INDEX operations_by_state ON operations (state, ready_at)

CREATE INDEX operations_by_time ON operations (asked_at)

CREATE INDEX operations_unreviewed ON operations (asked_at) WHERE review_open = 1

CREATE INDEX operations_unshown ON operations (asked_at) WHERE version > shown

CREATE TABLE outbox (
	id INTEGER NOT NULL,
	operation TEXT NOT NULL,
	conversation TEXT NOT NULL,
	road TEXT NOT NULL,
	address TEXT NOT NULL,
	message TEXT NOT NULL,
	made_at TEXT NOT NULL,
	next_try_at TEXT NOT NULL,
	state TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	maybe_sent INTEGER NOT NULL,
	why TEXT NOT NULL,
	ts TEXT NOT NULL,
	ended_at TEXT,
	replaces INTEGER,
	below INTEGER,
	"after" INTEGER,
	edits TEXT,
	channel TEXT,
	landed TEXT,
	PRIMARY KEY (id)
)
 STRICT

CREATE INDEX outbox_by_end ON outbox (ended_at)

CREATE INDEX outbox_by_state ON outbox (state, conversation, id)

CREATE TABLE owed (
	host TEXT NOT NULL,
	kind TEXT NOT NULL,
	arguments TEXT NOT NULL,
	words TEXT NOT NULL,
	matter TEXT NOT NULL,
	why TEXT NOT NULL,
	operation TEXT NOT NULL,
	requester TEXT NOT NULL,
	identity TEXT NOT NULL,
	surface TEXT NOT NULL,
	channel TEXT NOT NULL,
	since TEXT NOT NULL,
	asked TEXT NOT NULL,
	asked_at TEXT,
	note TEXT,
	settled_at TEXT,
	settled_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	number INTEGER NOT NULL,
	due_at TEXT,
	PRIMARY KEY (number)
)
 STRICT

CREATE INDEX owed_by_end ON owed (settled_at)

CREATE INDEX owed_by_operation ON owed (operation)

CREATE UNIQUE INDEX owed_open ON owed (host, words) WHERE settled_at IS NULL

CREATE TABLE rehearsals (
	host TEXT NOT NULL,
	operation TEXT NOT NULL,
	at TEXT NOT NULL,
	successful INTEGER NOT NULL,
	why TEXT,
	windows_build TEXT NOT NULL,
	powershell TEXT NOT NULL,
	culture TEXT NOT NULL,
	ui_culture TEXT NOT NULL,
	bootstrap TEXT NOT NULL,
	guard TEXT NOT NULL,
	facts TEXT NOT NULL,
	PRIMARY KEY (host)
)
 STRICT

CREATE TABLE reviews (
	operation TEXT NOT NULL,
	person TEXT NOT NULL,
	approves INTEGER NOT NULL,
	reason TEXT NOT NULL,
	at TEXT NOT NULL,
	mention TEXT NOT NULL,
	identity TEXT NOT NULL,
	surface TEXT NOT NULL,
	PRIMARY KEY (operation, person, approves)
)
 STRICT

CREATE TABLE rotation_members (
	rotation INTEGER NOT NULL,
	host TEXT NOT NULL,
	trusts_at TEXT,
	signed_at TEXT,
	dropped_at TEXT,
	seen_at TEXT,
	left_at TEXT,
	PRIMARY KEY (rotation, host)
)
 WITHOUT ROWID,
 STRICT

CREATE TABLE rotations (
	number INTEGER NOT NULL,
	stage TEXT NOT NULL,
	old TEXT NOT NULL,
	new TEXT NOT NULL,
	canary TEXT NOT NULL,
	lost INTEGER NOT NULL,
	lazy INTEGER NOT NULL,
	operation TEXT NOT NULL,
	started_at TEXT NOT NULL,
	ended_at TEXT,
	PRIMARY KEY (number)
)
 STRICT

CREATE UNIQUE INDEX rotation_open ON rotations ((ended_at IS NULL)) WHERE ended_at IS NULL

CREATE TABLE schedule_runs (
	schedule TEXT NOT NULL,
	due TEXT NOT NULL,
	operation TEXT NOT NULL,
	outcome TEXT NOT NULL,
	began_at TEXT NOT NULL,
	missed INTEGER NOT NULL,
	ended_at TEXT,
	PRIMARY KEY (schedule, due)
)
 STRICT

CREATE INDEX schedule_runs_by_outcome ON schedule_runs (outcome)

CREATE TABLE schedules (
	name TEXT NOT NULL,
	origin TEXT NOT NULL,
	cron TEXT NOT NULL,
	zone TEXT NOT NULL,
	words TEXT NOT NULL,
	channel TEXT NOT NULL,
	missed TEXT NOT NULL,
	owner TEXT NOT NULL,
	identity TEXT NOT NULL,
	since TEXT NOT NULL,
	operation TEXT NOT NULL,
	paused_by TEXT NOT NULL,
	why TEXT,
	PRIMARY KEY (name)
)
 STRICT

CREATE TABLE sightings (
	fingerprint TEXT NOT NULL,
	place TEXT NOT NULL,
	way TEXT NOT NULL,
	first_at TEXT NOT NULL,
	at TEXT NOT NULL,
	PRIMARY KEY (fingerprint, place, way)
)
 WITHOUT ROWID,
 STRICT

CREATE TABLE step_starts (
	operation TEXT NOT NULL,
	step TEXT NOT NULL,
	starts INTEGER NOT NULL,
	PRIMARY KEY (operation, step)
)
 STRICT

CREATE TABLE suspension_reminders (
	number INTEGER NOT NULL,
	reminded_at TEXT NOT NULL,
	PRIMARY KEY (number)
)
 STRICT

CREATE TABLE traffic (
	at INTEGER NOT NULL,
	host TEXT NOT NULL,
	requests INTEGER NOT NULL,
	errors INTEGER NOT NULL,
	timed INTEGER NOT NULL,
	time_ms INTEGER NOT NULL,
	slowest_ms INTEGER NOT NULL,
	partial INTEGER NOT NULL,
	PRIMARY KEY (at, host)
)
 WITHOUT ROWID,
 STRICT

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit events are only ever appended'); END

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit events are only ever appended'); END

CREATE TRIGGER audit_only_next BEFORE INSERT ON audit WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit) BEGIN SELECT RAISE(ABORT, 'audit events are only ever appended'); END

CREATE TRIGGER incident_timeline_no_update BEFORE UPDATE ON incident_timeline BEGIN SELECT RAISE(ABORT, 'entries of timelines are only ever appended'); END

CREATE TRIGGER incident_timeline_no_delete BEFORE DELETE ON incident_timeline BEGIN SELECT RAISE(ABORT, 'entries of timelines are only ever appended'); END
