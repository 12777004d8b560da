-- What the migrations make of an empty PostgreSQL database. Made from them by `make schema`, never by hand.

CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE ledger_meta (
	ledger_id BYTEA NOT NULL,
	PRIMARY KEY (ledger_id)
);

CREATE TABLE sessions (
	session_uid BYTEA NOT NULL,
	session_id TEXT COLLATE "C" NOT NULL,
	origin BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (session_uid)
);

CREATE INDEX sessions_by_id ON sessions (session_id);

CREATE TABLE heads (
	session_uid BYTEA NOT NULL,
	version BIGINT NOT NULL,
	leaf BYTEA NOT NULL,
	tombstone BIGINT NOT NULL,
	life BIGINT NOT NULL,
	open_questions TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (session_uid)
);

CREATE TABLE events (
	session_uid BYTEA NOT NULL,
	version BIGINT NOT NULL,
	base_version BIGINT NOT NULL,
	event_id BYTEA NOT NULL,
	recorded_at BIGINT NOT NULL,
	occurred_at BIGINT,
	kind SMALLINT NOT NULL,
	authority SMALLINT NOT NULL,
	schema_version INTEGER NOT NULL,
	writer TEXT COLLATE "C" NOT NULL,
	key TEXT COLLATE "C",
	payload_commit BYTEA NOT NULL,
	prev_leaf BYTEA NOT NULL,
	leaf BYTEA NOT NULL,
	PRIMARY KEY (session_uid, version)
);

CREATE UNIQUE INDEX events_by_key ON events (session_uid, key) WHERE key IS NOT NULL;

CREATE TABLE payloads (
	session_uid BYTEA NOT NULL,
	version BIGINT NOT NULL,
	salt BYTEA NOT NULL,
	body TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (session_uid, version)
);

CREATE TABLE usage_records (
	session_uid BYTEA NOT NULL,
	number BIGINT NOT NULL,
	recorded_at BIGINT NOT NULL,
	key TEXT COLLATE "C",
	body TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (session_uid, number)
);

CREATE UNIQUE INDEX usage_records_by_key ON usage_records (session_uid, key) WHERE key IS NOT NULL;

CREATE TABLE feed (
	position BIGSERIAL NOT NULL,
	session_uid BYTEA NOT NULL,
	version BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	PRIMARY KEY (position)
);

CREATE TABLE snapshots (
	session_uid BYTEA NOT NULL,
	version BIGINT NOT NULL,
	event_digest BYTEA NOT NULL,
	fold_version INTEGER NOT NULL,
	digest BYTEA NOT NULL,
	size BIGINT NOT NULL,
	body BYTEA NOT NULL,
	PRIMARY KEY (session_uid, version)
);

CREATE TABLE projection_positions (
	name TEXT COLLATE "C" NOT NULL,
	position BIGINT NOT NULL,
	revision INTEGER NOT NULL,
	PRIMARY KEY (name)
);

CREATE TABLE catalog (
	session_uid BYTEA NOT NULL,
	session_id TEXT COLLATE "C" NOT NULL,
	title TEXT COLLATE "C",
	model TEXT COLLATE "C" NOT NULL,
	version BIGINT NOT NULL,
	messages BIGINT NOT NULL,
	pending_questions BIGINT NOT NULL,
	parent_session_id TEXT COLLATE "C",
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	alive BOOLEAN NOT NULL,
	PRIMARY KEY (session_uid)
);

CREATE INDEX catalog_by_time ON catalog (updated_at, session_id);

CREATE INDEX catalog_by_id ON catalog (session_id);

CREATE TABLE questions (
	session_uid BYTEA NOT NULL,
	question_id TEXT COLLATE "C" NOT NULL,
	asked_version BIGINT NOT NULL,
	session_id TEXT COLLATE "C" NOT NULL,
	question TEXT COLLATE "C" NOT NULL,
	status TEXT COLLATE "C" NOT NULL,
	asked_at BIGINT NOT NULL,
	asked_by TEXT COLLATE "C" NOT NULL,
	resolved_version BIGINT,
	resolved_base_version BIGINT,
	resolved_at BIGINT,
	resolved_by TEXT COLLATE "C",
	reason TEXT COLLATE "C",
	answer TEXT COLLATE "C",
	omissions TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (session_uid, question_id, asked_version)
);

CREATE INDEX questions_by_status ON questions (status, asked_at);

CREATE TABLE usage_totals (
	session_uid BYTEA NOT NULL,
	number BIGINT NOT NULL,
	totals TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (session_uid)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'LG001';
        END $$;

CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER events_refuse_truncate BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER payloads_refuse_update BEFORE UPDATE ON payloads FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER payloads_refuse_delete BEFORE DELETE ON payloads FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER payloads_refuse_truncate BEFORE TRUNCATE ON payloads FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER usage_records_refuse_update BEFORE UPDATE ON usage_records FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER usage_records_refuse_delete BEFORE DELETE ON usage_records FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER usage_records_refuse_truncate BEFORE TRUNCATE ON usage_records FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE VIEW audit_events AS
        SELECT s.session_id,
               e.version,
               to_char(to_timestamp(e.recorded_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
                   || '.' || lpad((e.recorded_at % 1000000)::text, 6, '0') || 'Z' AS recorded_at,
               e.writer,
               CASE e.authority WHEN 0 THEN 'runtime' ELSE 'user' END AS authority,
               e.base_version,

        CASE WHEN strpos(p.body, '\u0000') = 0 THEN (p.body::json -> 'changes')::text
        ELSE replace(replace(
            (replace(replace(p.body, '\\', '\u005c'), '\u0000', '\ue000')::json -> 'changes')::text,
            '\ue000', '\u0000'), '\u005c', '\\')
        END
     AS changes
        FROM events AS e
        JOIN sessions AS s ON s.session_uid = e.session_uid
        JOIN payloads AS p ON p.session_uid = e.session_uid AND p.version = e.version;

ALTER TABLE questions ADD COLUMN asked_in TEXT;

ALTER TABLE questions ADD COLUMN changed_version BIGINT DEFAULT '0' NOT NULL;

ALTER TABLE questions ADD COLUMN standings TEXT DEFAULT '[]' NOT NULL;

ALTER TABLE questions ADD COLUMN resolved_writer TEXT;

ALTER TABLE questions ADD COLUMN averted TEXT DEFAULT '[]' NOT NULL;

ALTER TABLE questions ADD COLUMN overruled TEXT DEFAULT '[]' NOT NULL;

CREATE TABLE feed_queue (
	id BIGINT GENERATED ALWAYS AS IDENTITY,
	session_uid BYTEA NOT NULL,
	version BIGINT NOT NULL,
	leaf BYTEA NOT NULL,
	PRIMARY KEY (session_uid, version)
);

CREATE INDEX feed_queue_by_id ON feed_queue (id);

CREATE TABLE feed_state (
	id SMALLSERIAL NOT NULL,
	position BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT feed_state_is_one_row CHECK (id = 1)
);

CREATE UNIQUE INDEX feed_by_event ON feed (session_uid, version);

INSERT INTO feed_state (id, position, digest) VALUES (1::SMALLINT, 0::BIGINT, '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea);

INSERT INTO alembic_version (version_num) VALUES ('0003');
