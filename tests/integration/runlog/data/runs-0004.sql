BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE budget_alerts (
	budget_id INTEGER NOT NULL, 
	span TEXT NOT NULL, 
	PRIMARY KEY (budget_id, span)
);
CREATE TABLE budgets (
	id INTEGER NOT NULL, 
	scope TEXT NOT NULL, 
	name TEXT NOT NULL, 
	amount NUMERIC, 
	currency TEXT NOT NULL, 
	set_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "budgets" VALUES(1,'day','',20,'units','2026-11-20T08:00:00.000000+00:00');
CREATE TABLE facts (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "facts" VALUES('salt','of this log');
CREATE TABLE "runs" (
	id TEXT NOT NULL, 
	external_task_id TEXT, 
	task_id TEXT, 
	provider TEXT, 
	base_url TEXT, 
	endpoint TEXT, 
	form TEXT, 
	parent_run TEXT, 
	status TEXT NOT NULL, 
	service_status TEXT, 
	model_name TEXT, 
	mode TEXT, 
	duration BIGINT, 
	prompt TEXT, 
	negative_prompt TEXT, 
	cfg_scale DOUBLE, 
	sound TEXT, 
	aspect_ratio TEXT, 
	camera_control JSON, 
	image_source TEXT, 
	image_sha256 TEXT, 
	image_bytes BIGINT, 
	image_width BIGINT, 
	image_height BIGINT, 
	image_tail_source TEXT, 
	image_tail_sha256 TEXT, 
	image_tail_bytes BIGINT, 
	image_tail_width BIGINT, 
	image_tail_height BIGINT, 
	static_mask_sha256 TEXT, 
	static_mask_bytes BIGINT, 
	dynamic_mask_count BIGINT, 
	brush_way TEXT, 
	multi_shot BOOLEAN, 
	shot_type TEXT, 
	multi_prompt JSON, 
	element_list JSON, 
	voice_list JSON, 
	watermark BOOLEAN, 
	callback_url TEXT, 
	identity TEXT, 
	repeat BIGINT NOT NULL, 
	estimate_units NUMERIC, 
	estimate_usd NUMERIC, 
	currency TEXT, 
	estimate_amount NUMERIC, 
	estimate_mark TEXT, 
	price_as_of TEXT, 
	actual_units NUMERIC, 
	actual_usd NUMERIC, 
	actual_amount NUMERIC, 
	purse TEXT, 
	sweep_id TEXT, 
	balance_deduction JSON, 
	created_at VARCHAR(32) NOT NULL, 
	sending_at VARCHAR(32), 
	submitted_at VARCHAR(32), 
	started_at VARCHAR(32), 
	finished_at VARCHAR(32), 
	downloaded_at VARCHAR(32), 
	video_id TEXT, 
	video_url TEXT, 
	video_duration DOUBLE, 
	video_path TEXT, 
	poster_path TEXT, 
	video_sha256 TEXT, 
	video_bytes BIGINT, 
	error_kind TEXT, 
	error_code TEXT, 
	error_http BIGINT, 
	error_message TEXT, 
	request_id TEXT, 
	name TEXT, 
	note TEXT, 
	rating BIGINT, 
	kept BOOLEAN, 
	notebook TEXT, 
	owner TEXT, 
	lease_until VARCHAR(32), 
	forced BOOLEAN, 
	again BOOLEAN, 
	tags JSON, 
	variables JSON, 
	notices JSON, 
	versions JSON, 
	options JSON, 
	brush JSON, 
	request JSON, 
	wire JSON, 
	answers JSON, 
	revision BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('r-2mtgrzw6ks98','2d0d3f52-6c5e-4f0e-9d4e-8d5a3f0f6a11','9007199254740993','official',NULL,NULL,'image2video',NULL,'succeeded',NULL,'kling-v1','std',5,'Das Boot fährt los',NULL,0.5,NULL,NULL,'{"type": "simple", "config": {"zoom": 5}}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'abababababababababababababababababababababababababababababababab',1,3.5,NULL,'units',NULL,NULL,NULL,NULL,NULL,NULL,'real','s-2mtgrzw6ks98',NULL,'2026-11-20T05:00:00.000000+00:00',NULL,'2026-11-20T05:00:01.000000+00:00',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'first',NULL,4,1,NULL,NULL,NULL,0,0,'["boat"]','{"zoom": 5}','[]','{}','{}',NULL,NULL,NULL,'{}',2);
CREATE TABLE slot_limits (
	slot TEXT NOT NULL, 
	quota INTEGER NOT NULL, 
	learned_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (slot)
);
INSERT INTO "slot_limits" VALUES('a slot',3,'2026-11-20T08:00:00.000000+00:00');
CREATE TABLE slot_queue (
	slot TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	since VARCHAR(32) NOT NULL, 
	until VARCHAR(32) NOT NULL, 
	PRIMARY KEY (slot, owner)
);
CREATE TABLE slots (
	run_id TEXT NOT NULL, 
	slot TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	known BOOLEAN NOT NULL, 
	until VARCHAR(32) NOT NULL, 
	PRIMARY KEY (run_id)
);
CREATE TABLE sweeps (
	id TEXT NOT NULL, 
	name TEXT, 
	created_at VARCHAR(32) NOT NULL, 
	"plan" JSON NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	owner TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "sweeps" VALUES('s-2mtgrzw6ks98','boats','2026-11-20T09:30:00.000000+00:00','{"runs": [{"id": "r-2mtgrzw6ks98", "cell": 0, "repeat": 1}], "axes": {"zoom": [5]}}','done','',NULL);
CREATE TABLE votes (
	id INTEGER NOT NULL, 
	voted_at VARCHAR(32) NOT NULL, 
	voter TEXT NOT NULL, 
	"left" TEXT NOT NULL, 
	"right" TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	question TEXT NOT NULL, 
	blind BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "votes" VALUES(1,'2026-11-20T08:00:00.000000+00:00','me','r-2mtgrzw6ks98','r-2mtgrzw6ks99','left','which?',1);
CREATE INDEX slots_slot ON slots (slot, until, known);
CREATE INDEX runs_revision ON runs (revision);
CREATE INDEX runs_status ON runs (status, downloaded_at);
CREATE INDEX runs_task_id ON runs (task_id);
CREATE INDEX runs_model ON runs (model_name, mode, duration);
CREATE INDEX runs_spending ON runs (purse, sending_at, created_at, status, estimate_units, actual_units, estimate_usd, actual_usd);
CREATE INDEX runs_sweep_id ON runs (sweep_id);
CREATE INDEX runs_identity ON runs (identity);
CREATE INDEX runs_external_task_id ON runs (external_task_id);
CREATE INDEX votes_question ON votes (question, voter);
COMMIT;
