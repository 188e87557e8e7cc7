-- A file of layout 1, as the first build with a store wrote it. It is never changed: later builds have to read it.
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    tab TEXT NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    value TEXT,
    sum BLOB NOT NULL,
    written_at INTEGER NOT NULL,
    UNIQUE (tab, key)
);
CREATE INDEX records_by_age ON records (tab, written_at);
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    tab,
    key,
    revision,
    value,
    why TEXT NOT NULL,
    found_at INTEGER NOT NULL
);
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tab TEXT NOT NULL,
    key TEXT NOT NULL,
    UNIQUE (tab, key)
);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO records VALUES (1, 'settings', '-1001', 3, '{"language":"ru","volume":80}', x'459f5016d25fd4d3', 4102444800);
INSERT INTO records VALUES (2, 'playback', 'чат', 1, '{"index":0,"queue":[]}', x'838d7fd65fbf2f31', 4102444800);
INSERT INTO records VALUES (3, 'blocks', '7', 2, NULL, x'd6487b96ee4e3578', 4102444800);
INSERT INTO outbox VALUES (1, 'settings', '-1001');
PRAGMA application_id = 1634889060;
PRAGMA user_version = 1;
