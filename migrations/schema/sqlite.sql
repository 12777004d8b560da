-- What the migrations make of an empty SQLite database. Made from them by `make schema`, never by hand.

CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE ledger_meta (
	ledger_id BLOB NOT NULL,
	PRIMARY KEY (ledger_id)
);

CREATE TABLE sessions (
	session_uid BLOB NOT NULL,
	session_id TEXT NOT NULL,
	origin BLOB NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (session_uid)
)
 WITHOUT ROWID;

CREATE INDEX sessions_by_id ON sessions (session_id);

CREATE TABLE heads (
	session_uid BLOB NOT NULL,
	version BIGINT NOT NULL,
	leaf BLOB NOT NULL,
	tombstone BIGINT NOT NULL,
	life BIGINT NOT NULL,
	open_questions TEXT NOT NULL,
	PRIMARY KEY (session_uid)
)
 WITHOUT ROWID;

CREATE TABLE events (
	session_uid BLOB NOT NULL,
	version BIGINT NOT NULL,
	base_version BIGINT NOT NULL,
	event_id BLOB NOT NULL,
	recorded_at BIGINT NOT NULL,
	occurred_at BIGINT,
	kind SMALLINT NOT NULL,
	authority SMALLINT NOT NULL,
	schema_version INTEGER NOT NULL,
	writer TEXT NOT NULL,
	"key" TEXT,
	payload_commit BLOB NOT NULL,
	prev_leaf BLOB NOT NULL,
	leaf BLOB NOT NULL,
	PRIMARY KEY (session_uid, version)
)
 WITHOUT ROWID;

CREATE UNIQUE INDEX events_by_key ON events (session_uid, "key") WHERE key IS NOT NULL;

CREATE TABLE payloads (
	session_uid BLOB NOT NULL,
	version BIGINT NOT NULL,
	salt BLOB NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (session_uid, version)
);

CREATE TABLE usage_records (
	session_uid BLOB NOT NULL,
	number BIGINT NOT NULL,
	recorded_at BIGINT NOT NULL,
	"key" TEXT,
	body TEXT NOT NULL,
	PRIMARY KEY (session_uid, number)
);

CREATE UNIQUE INDEX usage_records_by_key ON usage_records (session_uid, "key") WHERE key IS NOT NULL;

CREATE TABLE feed (
	position BIGINT NOT NULL,
	session_uid BLOB NOT NULL,
	version BIGINT NOT NULL,
	digest BLOB NOT NULL,
	PRIMARY KEY (position)
)
 WITHOUT ROWID;

CREATE TABLE snapshots (
	session_uid BLOB NOT NULL,
	version BIGINT NOT NULL,
	event_digest BLOB NOT NULL,
	fold_version INTEGER NOT NULL,
	digest BLOB NOT NULL,
	size BIGINT NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (session_uid, version)
);

CREATE TABLE projection_positions (
	name TEXT NOT NULL,
	position BIGINT NOT NULL,
	revision INTEGER NOT NULL,
	PRIMARY KEY (name)
);

CREATE TABLE catalog (
	session_uid BLOB NOT NULL,
	session_id TEXT NOT NULL,
	title TEXT,
	model TEXT NOT NULL,
	version BIGINT NOT NULL,
	messages BIGINT NOT NULL,
	pending_questions BIGINT NOT NULL,
	parent_session_id TEXT,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	alive BOOLEAN NOT NULL,
	PRIMARY KEY (session_uid)
);

CREATE INDEX catalog_by_time ON catalog (updated_at, session_id);

CREATE INDEX catalog_by_id ON catalog (session_id);

CREATE TABLE questions (
	session_uid BLOB NOT NULL,
	question_id TEXT NOT NULL,
	asked_version BIGINT NOT NULL,
	session_id TEXT NOT NULL,
	question TEXT NOT NULL,
	status TEXT NOT NULL,
	asked_at BIGINT NOT NULL,
	asked_by TEXT NOT NULL,
	resolved_version BIGINT,
	resolved_base_version BIGINT,
	resolved_at BIGINT,
	resolved_by TEXT,
	reason TEXT,
	answer TEXT,
	omissions TEXT NOT NULL, asked_in TEXT, changed_version BIGINT DEFAULT '0' NOT NULL, standings TEXT DEFAULT '[]' NOT NULL, resolved_writer TEXT, averted TEXT DEFAULT '[]' NOT NULL, overruled TEXT DEFAULT '[]' NOT NULL,
	PRIMARY KEY (session_uid, question_id, asked_version)
);

CREATE INDEX questions_by_status ON questions (status, asked_at);

CREATE TABLE usage_totals (
	session_uid BLOB NOT NULL,
	number BIGINT NOT NULL,
	totals TEXT NOT NULL,
	PRIMARY KEY (session_uid)
);

CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only: UPDATE is refused'); END;

CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only: DELETE is refused'); END;

CREATE TRIGGER events_refuse_replace BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE session_uid = NEW.session_uid AND version = NEW.version) OR NEW.key IS NOT NULL AND EXISTS (SELECT 1 FROM events INDEXED BY events_by_key WHERE session_uid = NEW.session_uid AND key = NEW.key) BEGIN SELECT RAISE(ABORT, 'events is append-only: what stands is not replaced'); END;

CREATE TRIGGER payloads_refuse_update BEFORE UPDATE ON payloads BEGIN SELECT RAISE(ABORT, 'payloads is append-only: UPDATE is refused'); END;

CREATE TRIGGER payloads_refuse_delete BEFORE DELETE ON payloads BEGIN SELECT RAISE(ABORT, 'payloads is append-only: DELETE is refused'); END;

CREATE TRIGGER payloads_refuse_replace BEFORE INSERT ON payloads WHEN EXISTS (SELECT 1 FROM payloads WHERE session_uid = NEW.session_uid AND version = NEW.version) BEGIN SELECT RAISE(ABORT, 'payloads is append-only: what stands is not replaced'); END;

CREATE TRIGGER usage_records_refuse_update BEFORE UPDATE ON usage_records BEGIN SELECT RAISE(ABORT, 'usage_records is append-only: UPDATE is refused'); END;

CREATE TRIGGER usage_records_refuse_delete BEFORE DELETE ON usage_records BEGIN SELECT RAISE(ABORT, 'usage_records is append-only: DELETE is refused'); END;

CREATE TRIGGER usage_records_refuse_replace BEFORE INSERT ON usage_records WHEN EXISTS (SELECT 1 FROM usage_records WHERE session_uid = NEW.session_uid AND number = NEW.number) OR NEW.key IS NOT NULL AND EXISTS (SELECT 1 FROM usage_records INDEXED BY usage_records_by_key WHERE session_uid = NEW.session_uid AND key = NEW.key) BEGIN SELECT RAISE(ABORT, 'usage_records is append-only: what stands is not replaced'); END;

CREATE VIEW audit_events AS
        SELECT s.session_id,
               e.version,
               strftime('%Y-%m-%dT%H:%M:%S', e.recorded_at / 1000000, 'unixepoch')
                   || printf('.%06dZ', e.recorded_at % 1000000) AS recorded_at,
               e.writer,
               CASE e.authority WHEN 0 THEN 'runtime' ELSE 'user' END AS authority,
               e.base_version,
               json_extract(p.body, '$.changes') AS changes
        FROM events AS e
        JOIN sessions AS s ON s.session_uid = e.session_uid
        JOIN payloads AS p ON p.session_uid = e.session_uid AND p.version = e.version;

INSERT INTO alembic_version (version_num) VALUES ('0003');
