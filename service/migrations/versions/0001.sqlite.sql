CREATE TABLE entry (
	idx INTEGER NOT NULL, 
	time_us BIGINT NOT NULL, 
	kind VARCHAR(64) NOT NULL, 
	body BLOB NOT NULL, 
	leaf_hash BLOB NOT NULL, 
	CONSTRAINT pk_entry PRIMARY KEY (idx), 
	CONSTRAINT ck_entry_dense CHECK (idx >= 0), 
	CONSTRAINT ck_entry_body CHECK (length(body) <= 65535), 
	CONSTRAINT ck_entry_leaf CHECK (length(leaf_hash) = 32)
)
-- next
CREATE INDEX ix_entry_kind ON entry (kind, idx)
-- next
CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END
-- next
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END
-- next
CREATE TRIGGER entry_no_insert BEFORE INSERT ON entry WHEN EXISTS (SELECT 1 FROM entry WHERE idx = NEW.idx) BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END
-- next
CREATE TABLE tile (
	level INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	root BLOB NOT NULL, 
	CONSTRAINT pk_tile PRIMARY KEY (level, number), 
	CONSTRAINT ck_tile_full CHECK (length(data) = 8192), 
	CONSTRAINT ck_tile_root CHECK (length(root) = 32)
)
-- next
CREATE TRIGGER tile_no_update BEFORE UPDATE ON tile BEGIN SELECT RAISE(ABORT, 'tile is append-only'); END
-- next
CREATE TRIGGER tile_no_delete BEFORE DELETE ON tile BEGIN SELECT RAISE(ABORT, 'tile is append-only'); END
-- next
CREATE TRIGGER tile_no_insert BEFORE INSERT ON tile WHEN EXISTS (SELECT 1 FROM tile WHERE level = NEW.level AND number = NEW.number) BEGIN SELECT RAISE(ABORT, 'tile is append-only'); END
-- next
CREATE TABLE checkpoint (
	size INTEGER NOT NULL, 
	root BLOB NOT NULL, 
	note TEXT NOT NULL, 
	time_us BIGINT NOT NULL, 
	CONSTRAINT pk_checkpoint PRIMARY KEY (size)
)
-- next
CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoint is append-only'); END
-- next
CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoint is append-only'); END
-- next
CREATE TRIGGER checkpoint_no_insert BEFORE INSERT ON checkpoint WHEN EXISTS (SELECT 1 FROM checkpoint WHERE size = NEW.size) BEGIN SELECT RAISE(ABORT, 'checkpoint is append-only'); END
-- next
CREATE TABLE audit_case (
	id VARCHAR(80) NOT NULL, 
	organisation VARCHAR(80) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	opened_by VARCHAR(80) NOT NULL, 
	opened_index BIGINT NOT NULL, 
	opened_us BIGINT NOT NULL, 
	closed_index BIGINT, 
	CONSTRAINT pk_audit_case PRIMARY KEY (id), 
	CONSTRAINT ck_audit_case_state CHECK (state IN ('open', 'closed'))
)
-- next
CREATE TRIGGER audit_case_no_update BEFORE UPDATE ON audit_case WHEN OLD.state = 'closed' OR NEW.organisation <> OLD.organisation OR NEW.opened_index <> OLD.opened_index BEGIN SELECT RAISE(ABORT, 'audit_case does not change so'); END
-- next
CREATE TRIGGER audit_case_no_delete BEFORE DELETE ON audit_case BEGIN SELECT RAISE(ABORT, 'audit_case does not change so'); END
-- next
CREATE TABLE purge_proposal (
	id VARCHAR(80) NOT NULL, 
	record_class VARCHAR(40) NOT NULL, 
	before_us BIGINT NOT NULL, 
	leave_held BOOLEAN NOT NULL, 
	proposed_by VARCHAR(80) NOT NULL, 
	proposed_index BIGINT NOT NULL, 
	proposed_us BIGINT NOT NULL, 
	CONSTRAINT pk_purge_proposal PRIMARY KEY (id)
)
-- next
CREATE TRIGGER purge_proposal_no_update BEFORE UPDATE ON purge_proposal BEGIN SELECT RAISE(ABORT, 'purge_proposal does not change so'); END
-- next
CREATE TRIGGER purge_proposal_no_delete BEFORE DELETE ON purge_proposal BEGIN SELECT RAISE(ABORT, 'purge_proposal does not change so'); END
-- next
CREATE TABLE text_key_destroyed (
	key_name VARCHAR(100) NOT NULL, 
	destroyed_index BIGINT NOT NULL, 
	destroyed_us BIGINT NOT NULL, 
	CONSTRAINT pk_text_key_destroyed PRIMARY KEY (key_name)
)
-- next
CREATE TRIGGER text_key_destroyed_no_update BEFORE UPDATE ON text_key_destroyed BEGIN SELECT RAISE(ABORT, 'text_key_destroyed does not change so'); END
-- next
CREATE TRIGGER text_key_destroyed_no_delete BEFORE DELETE ON text_key_destroyed BEGIN SELECT RAISE(ABORT, 'text_key_destroyed does not change so'); END
-- next
CREATE TABLE organisation (
	id VARCHAR(64) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	name_zh VARCHAR(200) NOT NULL, 
	name_en VARCHAR(200) NOT NULL, 
	credit_code VARCHAR(18), 
	region VARCHAR(6) DEFAULT '' NOT NULL, 
	state VARCHAR(10) DEFAULT 'active' NOT NULL, 
	created_us BIGINT NOT NULL, 
	CONSTRAINT pk_organisation PRIMARY KEY (id), 
	CONSTRAINT ck_organisation_state CHECK (state IN ('active', 'suspended')), 
	CONSTRAINT uq_organisation_credit_code UNIQUE (credit_code)
)
-- next
CREATE TRIGGER organisation_update_is_counted AFTER UPDATE ON organisation
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 0, 1, 0) ON CONFLICT (id) DO UPDATE SET people = policy_version.people + 1; END
-- next
CREATE TABLE person (
	id VARCHAR(64) NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	identity_digest VARCHAR(100), 
	state VARCHAR(10) DEFAULT 'active' NOT NULL, 
	created_us BIGINT NOT NULL, 
	CONSTRAINT pk_person PRIMARY KEY (id), 
	CONSTRAINT ck_person_kind CHECK (kind IN ('person', 'service')), 
	CONSTRAINT ck_person_state CHECK (state IN ('active', 'suspended', 'removed')), 
	CONSTRAINT uq_person_identity_digest UNIQUE (identity_digest)
)
-- next
CREATE TRIGGER person_no_update BEFORE UPDATE ON person WHEN NEW.id <> OLD.id OR NEW.kind <> OLD.kind OR (OLD.identity_digest IS NOT NULL AND (NEW.identity_digest IS NULL OR NEW.identity_digest <> OLD.identity_digest)) BEGIN SELECT RAISE(ABORT, 'person does not change so'); END
-- next
CREATE TRIGGER person_no_delete BEFORE DELETE ON person BEGIN SELECT RAISE(ABORT, 'person does not change so'); END
-- next
CREATE TRIGGER person_update_is_counted AFTER UPDATE ON person
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 0, 1, 0) ON CONFLICT (id) DO UPDATE SET people = policy_version.people + 1; END
-- next
CREATE TABLE source_consent (
	number INTEGER NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	dataset VARCHAR(63) NOT NULL, 
	source VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reference VARCHAR(200) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	at_us BIGINT NOT NULL, 
	CONSTRAINT pk_source_consent PRIMARY KEY (number), 
	CONSTRAINT ck_source_consent_state CHECK (state IN ('granted', 'withdrawn')), 
	CONSTRAINT uq_source_consent_id UNIQUE (id)
)
-- next
CREATE INDEX ix_source_consent_dataset ON source_consent (dataset)
-- next
CREATE TRIGGER source_consent_no_update BEFORE UPDATE ON source_consent BEGIN SELECT RAISE(ABORT, 'source_consent does not change so'); END
-- next
CREATE TRIGGER source_consent_no_delete BEFORE DELETE ON source_consent BEGIN SELECT RAISE(ABORT, 'source_consent does not change so'); END
-- next
CREATE TRIGGER source_consent_insert_is_counted AFTER INSERT ON source_consent
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 1, 0, 0) ON CONFLICT (id) DO UPDATE SET licences = policy_version.licences + 1; END
-- next
CREATE TABLE resource_evidence (
	number INTEGER NOT NULL, 
	dataset VARCHAR(63) NOT NULL, 
	registration_code VARCHAR(100), 
	evidence_digest VARCHAR(80), 
	person VARCHAR(64) NOT NULL, 
	at_us BIGINT NOT NULL, 
	CONSTRAINT pk_resource_evidence PRIMARY KEY (number)
)
-- next
CREATE INDEX ix_resource_evidence_dataset ON resource_evidence (dataset)
-- next
CREATE TRIGGER resource_evidence_no_update BEFORE UPDATE ON resource_evidence BEGIN SELECT RAISE(ABORT, 'resource_evidence does not change so'); END
-- next
CREATE TRIGGER resource_evidence_no_delete BEFORE DELETE ON resource_evidence BEGIN SELECT RAISE(ABORT, 'resource_evidence does not change so'); END
-- next
CREATE TABLE regrading (
	id VARCHAR(64) NOT NULL, 
	dataset VARCHAR(63) NOT NULL, 
	columns TEXT NOT NULL, 
	grade VARCHAR(2) NOT NULL, 
	important INTEGER NOT NULL, 
	basis TEXT NOT NULL, 
	proposed_by VARCHAR(64) NOT NULL, 
	proposed_us BIGINT NOT NULL, 
	confirmed_by VARCHAR(64), 
	CONSTRAINT pk_regrading PRIMARY KEY (id), 
	CONSTRAINT ck_regrading_important CHECK (important IN (0, 1)), 
	CONSTRAINT ck_regrading_second_person CHECK (confirmed_by IS NULL OR confirmed_by <> proposed_by)
)
-- next
CREATE INDEX ix_regrading_dataset ON regrading (dataset)
-- next
CREATE TRIGGER regrading_no_update BEFORE UPDATE ON regrading WHEN NEW.dataset <> OLD.dataset OR NEW.columns <> OLD.columns OR NEW.grade <> OLD.grade OR NEW.important <> OLD.important OR NEW.basis <> OLD.basis OR NEW.proposed_by <> OLD.proposed_by OR OLD.confirmed_by IS NOT NULL BEGIN SELECT RAISE(ABORT, 'regrading does not change so'); END
-- next
CREATE TRIGGER regrading_no_delete BEFORE DELETE ON regrading BEGIN SELECT RAISE(ABORT, 'regrading does not change so'); END
-- next
CREATE TABLE zone (
	id VARCHAR(63) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	name_zh VARCHAR(400) NOT NULL, 
	name_en VARCHAR(400) NOT NULL, 
	keeper VARCHAR(64) NOT NULL, 
	region VARCHAR(6) NOT NULL, 
	grade_max VARCHAR(2) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	opened_by VARCHAR(64) NOT NULL, 
	opened_us BIGINT NOT NULL, 
	closed_by VARCHAR(64), 
	closed_us BIGINT, 
	destroyed_by VARCHAR(64), 
	CONSTRAINT pk_zone PRIMARY KEY (id), 
	CONSTRAINT ck_zone_kind CHECK (kind IN ('public', 'regional', 'enterprise')), 
	CONSTRAINT ck_zone_state CHECK (state IN ('open', 'closed', 'destroyed')), 
	CONSTRAINT ck_zone_public_is_always_there CHECK (id <> 'public'), 
	CONSTRAINT ck_zone_closed CHECK ((state = 'open') = (closed_by IS NULL)), 
	CONSTRAINT ck_zone_destroyed CHECK ((state = 'destroyed') = (destroyed_by IS NOT NULL)), 
	CONSTRAINT ck_zone_two_people CHECK (destroyed_by IS NULL OR destroyed_by <> closed_by)
)
-- next
CREATE TRIGGER zone_no_update BEFORE UPDATE ON zone WHEN NEW.id <> OLD.id OR NEW.kind <> OLD.kind OR NEW.name_zh <> OLD.name_zh OR NEW.name_en <> OLD.name_en OR NEW.keeper <> OLD.keeper OR NEW.region <> OLD.region OR NEW.grade_max <> OLD.grade_max OR NEW.opened_by <> OLD.opened_by OR (OLD.state = 'destroyed') OR (OLD.state = 'closed' AND NEW.state = 'open') OR (OLD.closed_by IS NOT NULL AND NEW.closed_by <> OLD.closed_by) BEGIN SELECT RAISE(ABORT, 'zone does not change so'); END
-- next
CREATE TRIGGER zone_no_delete BEFORE DELETE ON zone BEGIN SELECT RAISE(ABORT, 'zone does not change so'); END
-- next
CREATE TRIGGER zone_insert_is_counted AFTER INSERT ON zone
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 1, 0, 0) ON CONFLICT (id) DO UPDATE SET licences = policy_version.licences + 1; END
-- next
CREATE TRIGGER zone_update_is_counted AFTER UPDATE ON zone
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 1, 0, 0) ON CONFLICT (id) DO UPDATE SET licences = policy_version.licences + 1; END
-- next
CREATE TABLE policy_version (
	id INTEGER NOT NULL, 
	licences BIGINT NOT NULL, 
	people BIGINT NOT NULL, 
	delegations BIGINT NOT NULL, 
	CONSTRAINT pk_policy_version PRIMARY KEY (id), 
	CONSTRAINT ck_policy_version_one_row CHECK (id = 1)
)
-- next
CREATE TABLE catalog_entry_revision (
	id VARCHAR(64) NOT NULL, 
	entry_id VARCHAR(64) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	batch VARCHAR(64), 
	state VARCHAR(16) NOT NULL, 
	version INTEGER, 
	digest VARCHAR(80) NOT NULL, 
	previous_digest VARCHAR(80), 
	drafted_by VARCHAR(64) NOT NULL, 
	drafted_us BIGINT NOT NULL, 
	revised_by VARCHAR(64) NOT NULL, 
	revised_us BIGINT NOT NULL, 
	papers VARCHAR(80) NOT NULL, 
	signed_by VARCHAR(64), 
	signed_us BIGINT, 
	signed_papers VARCHAR(80), 
	sign_matter VARCHAR(64), 
	submitted_by VARCHAR(64), 
	submitted_us BIGINT, 
	matter VARCHAR(64), 
	case_number VARCHAR(64), 
	change_matter VARCHAR(64), 
	decided_by VARCHAR(64), 
	decided_organisation VARCHAR(64), 
	decided_us BIGINT, 
	reason TEXT, 
	secrecy TEXT, 
	secrecy_by VARCHAR(64), 
	personal TEXT, 
	personal_by VARCHAR(64), 
	document TEXT NOT NULL, 
	CONSTRAINT pk_catalog_entry_revision PRIMARY KEY (id), 
	CONSTRAINT uq_catalog_entry_revision_version UNIQUE (entry_id, version), 
	CONSTRAINT ck_catalog_entry_revision_state CHECK (state IN ('draft', 'submitted', 'published', 'refused', 'discarded')), 
	CONSTRAINT ck_catalog_entry_revision_version CHECK ((state = 'published') = (version IS NOT NULL)), 
	CONSTRAINT ck_catalog_entry_revision_signed_by_another CHECK (signed_by IS NULL OR signed_by <> revised_by), 
	CONSTRAINT ck_catalog_entry_revision_signed_not_by_drafter CHECK (signed_by IS NULL OR signed_by <> drafted_by), 
	CONSTRAINT ck_catalog_entry_revision_assessed_by_somebody CHECK ((secrecy IS NULL) = (secrecy_by IS NULL) AND (personal IS NULL) = (personal_by IS NULL)), 
	CONSTRAINT ck_catalog_entry_revision_signed_not_by_assessor CHECK (signed_by IS NULL OR (signed_by <> secrecy_by AND signed_by <> personal_by)), 
	CONSTRAINT ck_catalog_entry_revision_papers_before_review CHECK (state NOT IN ('submitted', 'published') OR (secrecy IS NOT NULL AND personal IS NOT NULL AND signed_by IS NOT NULL AND signed_papers IS NOT NULL AND signed_papers = papers)), 
	CONSTRAINT ck_catalog_entry_revision_reviewed_by_another CHECK (state <> 'published' OR (decided_by IS NOT NULL AND decided_by <> drafted_by AND decided_by <> revised_by AND decided_by <> signed_by AND decided_by <> secrecy_by AND decided_by <> personal_by AND decided_organisation IS NOT NULL AND decided_organisation <> provider))
)
-- next
CREATE INDEX ix_catalog_entry_revision_batch ON catalog_entry_revision (batch)
-- next
CREATE INDEX ix_catalog_entry_revision_drafted ON catalog_entry_revision (drafted_by, drafted_us)
-- next
CREATE INDEX ix_catalog_entry_revision_entry ON catalog_entry_revision (entry_id, state)
-- next
CREATE TRIGGER catalog_entry_revision_no_update BEFORE UPDATE ON catalog_entry_revision WHEN NEW.id <> OLD.id OR NEW.entry_id <> OLD.entry_id OR NEW.provider <> OLD.provider OR NEW.drafted_by <> OLD.drafted_by OR NEW.drafted_us <> OLD.drafted_us OR (NEW.state <> OLD.state AND NOT ((OLD.state = 'draft' AND NEW.state = 'discarded') OR (OLD.state = 'draft' AND NEW.state = 'submitted') OR (OLD.state = 'submitted' AND NEW.state = 'discarded') OR (OLD.state = 'submitted' AND NEW.state = 'draft') OR (OLD.state = 'submitted' AND NEW.state = 'published') OR (OLD.state = 'submitted' AND NEW.state = 'refused'))) OR OLD.state IN ('published', 'refused', 'discarded') OR (OLD.state <> 'draft' AND (NEW.digest <> OLD.digest OR NEW.document <> OLD.document OR NEW.papers <> OLD.papers OR NEW.secrecy_by <> OLD.secrecy_by OR NEW.personal_by <> OLD.personal_by OR NEW.signed_by <> OLD.signed_by)) BEGIN SELECT RAISE(ABORT, 'catalog_entry_revision does not change so'); END
-- next
CREATE TRIGGER catalog_entry_revision_no_delete BEFORE DELETE ON catalog_entry_revision BEGIN SELECT RAISE(ABORT, 'catalog_entry_revision does not change so'); END
-- next
CREATE TRIGGER catalog_entry_revision_no_replace_id BEFORE INSERT ON catalog_entry_revision WHEN EXISTS (SELECT 1 FROM catalog_entry_revision WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'catalog_entry_revision does not change so'); END
-- next
CREATE TRIGGER catalog_entry_revision_no_replace_entry_id_version BEFORE INSERT ON catalog_entry_revision WHEN EXISTS (SELECT 1 FROM catalog_entry_revision WHERE entry_id = NEW.entry_id AND version = NEW.version) BEGIN SELECT RAISE(ABORT, 'catalog_entry_revision does not change so'); END
-- next
CREATE TABLE catalog_system (
	name VARCHAR(63) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	label_zh TEXT NOT NULL, 
	label_en TEXT NOT NULL, 
	purpose_zh TEXT NOT NULL, 
	purpose_en TEXT NOT NULL, 
	registered_by VARCHAR(64) NOT NULL, 
	registered_us BIGINT NOT NULL, 
	retired_us BIGINT, 
	CONSTRAINT pk_catalog_system PRIMARY KEY (name)
)
-- next
CREATE INDEX ix_catalog_system_provider ON catalog_system (provider)
-- next
CREATE TRIGGER catalog_system_no_update BEFORE UPDATE ON catalog_system WHEN NEW.name <> OLD.name OR NEW.provider <> OLD.provider OR NEW.registered_us <> OLD.registered_us OR OLD.retired_us IS NOT NULL BEGIN SELECT RAISE(ABORT, 'catalog_system does not change so'); END
-- next
CREATE TRIGGER catalog_system_no_delete BEFORE DELETE ON catalog_system BEGIN SELECT RAISE(ABORT, 'catalog_system does not change so'); END
-- next
CREATE TABLE catalog_subscription (
	id VARCHAR(64) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	topic VARCHAR(16) NOT NULL, 
	subject VARCHAR(100) NOT NULL, 
	made_us BIGINT NOT NULL, 
	ended_us BIGINT, 
	CONSTRAINT pk_catalog_subscription PRIMARY KEY (id), 
	CONSTRAINT ck_catalog_subscription_topic CHECK (topic IN ('entry', 'provider', 'tag'))
)
-- next
CREATE INDEX ix_catalog_subscription_person ON catalog_subscription (person)
-- next
CREATE INDEX ix_catalog_subscription_subject ON catalog_subscription (topic, subject)
-- next
CREATE TRIGGER catalog_subscription_no_update BEFORE UPDATE ON catalog_subscription WHEN NEW.id <> OLD.id OR NEW.person <> OLD.person OR NEW.topic <> OLD.topic OR NEW.subject <> OLD.subject OR NEW.made_us <> OLD.made_us OR OLD.ended_us IS NOT NULL BEGIN SELECT RAISE(ABORT, 'catalog_subscription does not change so'); END
-- next
CREATE TRIGGER catalog_subscription_no_delete BEFORE DELETE ON catalog_subscription BEGIN SELECT RAISE(ABORT, 'catalog_subscription does not change so'); END
-- next
CREATE TABLE catalog_batch (
	id VARCHAR(64) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	rows INTEGER NOT NULL, 
	digest VARCHAR(80) NOT NULL, 
	drafted_us BIGINT NOT NULL, 
	CONSTRAINT pk_catalog_batch PRIMARY KEY (id), 
	CONSTRAINT ck_catalog_batch_rows CHECK (rows > 0)
)
-- next
CREATE TRIGGER catalog_batch_no_update BEFORE UPDATE ON catalog_batch BEGIN SELECT RAISE(ABORT, 'catalog_batch does not change so'); END
-- next
CREATE TRIGGER catalog_batch_no_delete BEFORE DELETE ON catalog_batch BEGIN SELECT RAISE(ABORT, 'catalog_batch does not change so'); END
-- next
CREATE TABLE population (
	name VARCHAR(63) NOT NULL, 
	label TEXT NOT NULL, 
	unit TEXT NOT NULL, 
	statement TEXT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	relation VARCHAR(16) NOT NULL, 
	declared_by VARCHAR(64) NOT NULL, 
	declared_us BIGINT NOT NULL, 
	approved_by VARCHAR(64), 
	CONSTRAINT pk_population PRIMARY KEY (name), 
	CONSTRAINT ck_population_state CHECK (state IN ('declared', 'approved')), 
	CONSTRAINT ck_population_relation CHECK (relation IN ('dp_only', 'mixed')), 
	CONSTRAINT ck_population_second_person CHECK (approved_by IS NULL OR approved_by <> declared_by), 
	CONSTRAINT ck_population_approved CHECK ((state = 'approved') = (approved_by IS NOT NULL))
)
-- next
CREATE TRIGGER population_no_update BEFORE UPDATE ON population WHEN NEW.name <> OLD.name OR NEW.label <> OLD.label OR NEW.unit <> OLD.unit OR NEW.statement <> OLD.statement OR NEW.declared_by <> OLD.declared_by OR NEW.declared_us <> OLD.declared_us OR (OLD.state = 'approved' AND NEW.state <> 'approved') OR (OLD.approved_by IS NOT NULL AND NEW.approved_by <> OLD.approved_by) OR (OLD.relation = 'mixed' AND NEW.relation <> 'mixed') BEGIN SELECT RAISE(ABORT, 'population does not change so'); END
-- next
CREATE TRIGGER population_no_delete BEFORE DELETE ON population BEGIN SELECT RAISE(ABORT, 'population does not change so'); END
-- next
CREATE TABLE catalog_import (
	id VARCHAR(64) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	file_name VARCHAR(200) NOT NULL, 
	file_digest VARCHAR(80) NOT NULL, 
	rules_digest VARCHAR(80) NOT NULL, 
	sheet TEXT NOT NULL, 
	about TEXT NOT NULL, 
	judged_us BIGINT NOT NULL, 
	judged_index BIGINT NOT NULL, 
	CONSTRAINT pk_catalog_import PRIMARY KEY (id)
)
-- next
CREATE INDEX ix_catalog_import_file_digest ON catalog_import (file_digest)
-- next
CREATE INDEX ix_catalog_import_person ON catalog_import (person, judged_us)
-- next
CREATE INDEX ix_catalog_import_provider ON catalog_import (provider)
-- next
CREATE TRIGGER catalog_import_no_update BEFORE UPDATE ON catalog_import BEGIN SELECT RAISE(ABORT, 'catalog_import does not change so'); END
-- next
CREATE TRIGGER catalog_import_no_delete BEFORE DELETE ON catalog_import BEGIN SELECT RAISE(ABORT, 'catalog_import does not change so'); END
-- next
CREATE TABLE standard_item (
	number INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	code VARCHAR(40) NOT NULL, 
	version VARCHAR(60) NOT NULL, 
	document TEXT NOT NULL, 
	added_by VARCHAR(64) NOT NULL, 
	added_us BIGINT NOT NULL, 
	CONSTRAINT pk_standard_item PRIMARY KEY (number), 
	CONSTRAINT uq_standard_item UNIQUE (kind, code, version), 
	CONSTRAINT ck_standard_item_kind CHECK (kind IN ('element', 'code_list'))
)
-- next
CREATE TRIGGER standard_item_no_update BEFORE UPDATE ON standard_item BEGIN SELECT RAISE(ABORT, 'standard_item does not change so'); END
-- next
CREATE TRIGGER standard_item_no_delete BEFORE DELETE ON standard_item BEGIN SELECT RAISE(ABORT, 'standard_item does not change so'); END
-- next
CREATE TABLE matter_case (
	number VARCHAR(32) NOT NULL, 
	year INTEGER NOT NULL, 
	serial INTEGER NOT NULL, 
	opened_us BIGINT NOT NULL, 
	CONSTRAINT pk_matter_case PRIMARY KEY (number), 
	CONSTRAINT uq_matter_case_year UNIQUE (year, serial)
)
-- next
CREATE TRIGGER matter_case_no_update BEFORE UPDATE ON matter_case BEGIN SELECT RAISE(ABORT, 'matter_case does not change so'); END
-- next
CREATE TRIGGER matter_case_no_delete BEFORE DELETE ON matter_case BEGIN SELECT RAISE(ABORT, 'matter_case does not change so'); END
-- next
CREATE TABLE notice_outbox (
	number INTEGER NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	entry BIGINT NOT NULL, 
	time_us BIGINT NOT NULL, 
	kind VARCHAR(64) NOT NULL, 
	subject VARCHAR(100) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	roles VARCHAR(400) NOT NULL, 
	person VARCHAR(64), 
	title TEXT NOT NULL, 
	body TEXT NOT NULL, 
	data TEXT NOT NULL, 
	dispatched BOOLEAN NOT NULL, 
	CONSTRAINT pk_notice_outbox PRIMARY KEY (number), 
	CONSTRAINT uq_notice_outbox_id UNIQUE (id)
)
-- next
CREATE INDEX ix_notice_outbox_dispatched ON notice_outbox (dispatched, number)
-- next
CREATE INDEX ix_notice_outbox_organisation ON notice_outbox (organisation, number)
-- next
CREATE TRIGGER notice_outbox_no_update BEFORE UPDATE ON notice_outbox WHEN NEW.id <> OLD.id OR NEW.entry <> OLD.entry OR NEW.kind <> OLD.kind OR NEW.data <> OLD.data OR NEW.title <> OLD.title OR NEW.body <> OLD.body OR (OLD.dispatched AND NOT NEW.dispatched) BEGIN SELECT RAISE(ABORT, 'notice_outbox does not change so'); END
-- next
CREATE TRIGGER notice_outbox_no_delete BEFORE DELETE ON notice_outbox BEGIN SELECT RAISE(ABORT, 'notice_outbox does not change so'); END
-- next
CREATE TABLE notice_delivery (
	id VARCHAR(64) NOT NULL, 
	notice VARCHAR(64) NOT NULL, 
	channel VARCHAR(10) NOT NULL, 
	target VARCHAR(64) NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_us BIGINT NOT NULL, 
	fault VARCHAR(60) NOT NULL, 
	CONSTRAINT pk_notice_delivery PRIMARY KEY (id), 
	CONSTRAINT ck_notice_delivery_channel CHECK (channel IN ('email', 'webhook')), 
	CONSTRAINT ck_notice_delivery_state CHECK (state IN ('waiting', 'delivered', 'dead'))
)
-- next
CREATE INDEX ix_notice_delivery_due ON notice_delivery (state, next_us)
-- next
CREATE INDEX ix_notice_delivery_notice ON notice_delivery (notice)
-- next
CREATE INDEX ix_notice_delivery_target ON notice_delivery (target, state)
-- next
CREATE TRIGGER notice_delivery_no_update BEFORE UPDATE ON notice_delivery WHEN OLD.state = 'delivered' OR NEW.attempts < OLD.attempts BEGIN SELECT RAISE(ABORT, 'notice_delivery does not change so'); END
-- next
CREATE TRIGGER notice_delivery_no_delete BEFORE DELETE ON notice_delivery BEGIN SELECT RAISE(ABORT, 'notice_delivery does not change so'); END
-- next
CREATE TABLE notice_address (
	person VARCHAR(64) NOT NULL, 
	address VARCHAR(254) NOT NULL, 
	language VARCHAR(2) NOT NULL, 
	since_us BIGINT NOT NULL, 
	CONSTRAINT pk_notice_address PRIMARY KEY (person)
)
-- next
CREATE TABLE webhook_subscription (
	id VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	url VARCHAR(500) NOT NULL, 
	kinds TEXT NOT NULL, 
	made_by VARCHAR(64) NOT NULL, 
	made_us BIGINT NOT NULL, 
	ended_us BIGINT, 
	CONSTRAINT pk_webhook_subscription PRIMARY KEY (id)
)
-- next
CREATE INDEX ix_webhook_subscription_organisation ON webhook_subscription (organisation)
-- next
CREATE TRIGGER webhook_subscription_no_update BEFORE UPDATE ON webhook_subscription WHEN OLD.ended_us IS NOT NULL OR NEW.url <> OLD.url OR NEW.organisation <> OLD.organisation BEGIN SELECT RAISE(ABORT, 'webhook_subscription does not change so'); END
-- next
CREATE TRIGGER webhook_subscription_no_delete BEFORE DELETE ON webhook_subscription BEGIN SELECT RAISE(ABORT, 'webhook_subscription does not change so'); END
-- next
CREATE TABLE overdue_announcement (
	id VARCHAR(64) NOT NULL, 
	entry BIGINT NOT NULL, 
	time_us BIGINT NOT NULL, 
	document TEXT NOT NULL, 
	CONSTRAINT pk_overdue_announcement PRIMARY KEY (id)
)
-- next
CREATE INDEX ix_overdue_announcement_entry ON overdue_announcement (entry)
-- next
CREATE TRIGGER overdue_announcement_no_update BEFORE UPDATE ON overdue_announcement BEGIN SELECT RAISE(ABORT, 'overdue_announcement does not change so'); END
-- next
CREATE TRIGGER overdue_announcement_no_delete BEFORE DELETE ON overdue_announcement BEGIN SELECT RAISE(ABORT, 'overdue_announcement does not change so'); END
-- next
CREATE TABLE answer (
	id VARCHAR(80) NOT NULL, 
	mode VARCHAR(16) NOT NULL, 
	licence VARCHAR(80) NOT NULL, 
	organisation VARCHAR(80) NOT NULL, 
	person VARCHAR(80) NOT NULL, 
	session VARCHAR(80) NOT NULL, 
	datasets TEXT NOT NULL, 
	version VARCHAR(80) NOT NULL, 
	plan_digest VARCHAR(80) NOT NULL, 
	policy_digest VARCHAR(80) NOT NULL, 
	row_filter_digest VARCHAR(80) NOT NULL, 
	content BLOB NOT NULL, 
	salt BLOB NOT NULL, 
	content_digest VARCHAR(80) NOT NULL, 
	row_count BIGINT NOT NULL, 
	summary TEXT NOT NULL, 
	cost_nano_rho BIGINT NOT NULL, 
	asked VARCHAR(80) DEFAULT '' NOT NULL, 
	sources TEXT DEFAULT '{}' NOT NULL, 
	decided_index BIGINT NOT NULL, 
	answered_index BIGINT NOT NULL, 
	answered_us BIGINT NOT NULL, 
	CONSTRAINT pk_answer PRIMARY KEY (id), 
	CONSTRAINT ck_answer_mode CHECK (mode IN ('rows', 'aggregate'))
)
-- next
CREATE TRIGGER answer_no_update BEFORE UPDATE ON answer BEGIN SELECT RAISE(ABORT, 'answer does not change so'); END
-- next
CREATE TRIGGER answer_no_delete BEFORE DELETE ON answer BEGIN SELECT RAISE(ABORT, 'answer does not change so'); END
-- next
CREATE TABLE release_request (
	id VARCHAR(80) NOT NULL, 
	licence VARCHAR(80) NOT NULL, 
	requester VARCHAR(80) NOT NULL, 
	organisation VARCHAR(80) NOT NULL, 
	session VARCHAR(80) DEFAULT '' NOT NULL, 
	title_zh TEXT NOT NULL, 
	title_en TEXT NOT NULL, 
	context TEXT DEFAULT '' NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	revision INTEGER NOT NULL, 
	checks TEXT DEFAULT '[]' NOT NULL, 
	rules_version VARCHAR(120) DEFAULT '' NOT NULL, 
	road VARCHAR(16) DEFAULT 'voted' NOT NULL, 
	content_digest VARCHAR(80) DEFAULT '' NOT NULL, 
	salt VARCHAR(64) NOT NULL, 
	certified TEXT DEFAULT '' NOT NULL, 
	certificate TEXT DEFAULT '' NOT NULL, 
	created_index BIGINT NOT NULL, 
	created_us BIGINT NOT NULL, 
	first_submitted_us BIGINT, 
	submitted_us BIGINT, 
	decided_us BIGINT, 
	delivered_us BIGINT, 
	recalled_us BIGINT, 
	CONSTRAINT pk_release_request PRIMARY KEY (id), 
	CONSTRAINT ck_release_request_revision CHECK (revision >= 1)
)
-- next
CREATE INDEX ix_release_request_licence ON release_request (licence)
-- next
CREATE INDEX ix_release_request_state ON release_request (state)
-- next
CREATE TRIGGER release_request_no_update BEFORE UPDATE ON release_request WHEN NEW.id <> OLD.id OR NEW.licence <> OLD.licence OR NEW.requester <> OLD.requester OR NEW.organisation <> OLD.organisation OR NEW.salt <> OLD.salt OR NEW.created_index <> OLD.created_index OR NEW.revision < OLD.revision OR OLD.state IN ('refused', 'withdrawn', 'recalled') OR (OLD.state = 'delivered' AND (NEW.state <> 'recalled' OR NEW.certificate <> OLD.certificate OR NEW.content_digest <> OLD.content_digest OR NEW.revision <> OLD.revision)) OR (OLD.state NOT IN ('draft', 'returned') AND NEW.revision = OLD.revision AND NEW.content_digest <> OLD.content_digest) BEGIN SELECT RAISE(ABORT, 'release_request does not change so'); END
-- next
CREATE TRIGGER release_request_no_delete BEFORE DELETE ON release_request BEGIN SELECT RAISE(ABORT, 'release_request does not change so'); END
-- next
CREATE TABLE release_signed (
	id VARCHAR(80) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	document TEXT NOT NULL, 
	CONSTRAINT pk_release_signed PRIMARY KEY (id), 
	CONSTRAINT ck_release_signed_kind CHECK (kind IN ('recall'))
)
-- next
CREATE TRIGGER release_signed_no_update BEFORE UPDATE ON release_signed BEGIN SELECT RAISE(ABORT, 'release_signed does not change so'); END
-- next
CREATE TRIGGER release_signed_no_delete BEFORE DELETE ON release_signed BEGIN SELECT RAISE(ABORT, 'release_signed does not change so'); END
-- next
CREATE TABLE release_upload (
	id VARCHAR(80) NOT NULL, 
	licence VARCHAR(80) NOT NULL, 
	organisation VARCHAR(80) NOT NULL, 
	person VARCHAR(80) NOT NULL, 
	session VARCHAR(80) NOT NULL, 
	format VARCHAR(16) NOT NULL, 
	arrow_table BLOB, 
	words TEXT, 
	json_value TEXT, 
	content_digest VARCHAR(80) NOT NULL, 
	entry_index BIGINT NOT NULL, 
	received_us BIGINT NOT NULL, 
	CONSTRAINT pk_release_upload PRIMARY KEY (id)
)
-- next
CREATE INDEX ix_release_upload_licence_received_us ON release_upload (licence, received_us)
-- next
CREATE TRIGGER release_upload_no_update BEFORE UPDATE ON release_upload BEGIN SELECT RAISE(ABORT, 'release_upload does not change so'); END
-- next
CREATE TRIGGER release_upload_no_delete BEFORE DELETE ON release_upload BEGIN SELECT RAISE(ABORT, 'release_upload does not change so'); END
-- next
CREATE TABLE released_table (
	id VARCHAR(80) NOT NULL, 
	request VARCHAR(80) NOT NULL, 
	file VARCHAR(100) NOT NULL, 
	licence VARCHAR(80) NOT NULL, 
	population VARCHAR(80) NOT NULL, 
	dataset VARCHAR(80) NOT NULL, 
	version VARCHAR(80) NOT NULL, 
	extract VARCHAR(80) NOT NULL, 
	columns TEXT NOT NULL, 
	plan_digest VARCHAR(80) NOT NULL, 
	"plan" TEXT NOT NULL, 
	policy_digest VARCHAR(80) NOT NULL, 
	compared TEXT NOT NULL, 
	protection TEXT NOT NULL, 
	entry_index BIGINT NOT NULL, 
	recorded_us BIGINT NOT NULL, 
	CONSTRAINT pk_released_table PRIMARY KEY (id), 
	CONSTRAINT uq_released_table_file UNIQUE (request, file, plan_digest, extract), 
	CONSTRAINT uq_released_table_entry_index UNIQUE (entry_index)
)
-- next
CREATE INDEX ix_released_table_population ON released_table (population)
-- next
CREATE INDEX ix_released_table_request ON released_table (request)
-- next
CREATE TRIGGER released_table_no_update BEFORE UPDATE ON released_table BEGIN SELECT RAISE(ABORT, 'released_table does not change so'); END
-- next
CREATE TRIGGER released_table_no_delete BEFORE DELETE ON released_table BEGIN SELECT RAISE(ABORT, 'released_table does not change so'); END
-- next
CREATE TABLE budget_node (
	id VARCHAR(400) NOT NULL, 
	parent VARCHAR(400), 
	level VARCHAR(16) NOT NULL, 
	population VARCHAR(63) NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	cap_nano_rho BIGINT NOT NULL, 
	spent_nano_rho BIGINT DEFAULT '0' NOT NULL, 
	cap_delta_steps BIGINT NOT NULL, 
	spent_delta_steps BIGINT DEFAULT '0' NOT NULL, 
	opened_us BIGINT NOT NULL, 
	CONSTRAINT pk_budget_node PRIMARY KEY (id), 
	CONSTRAINT uq_budget_node_place UNIQUE (parent, level, name), 
	CONSTRAINT ck_budget_node_rho_within_cap CHECK (spent_nano_rho BETWEEN 0 AND cap_nano_rho), 
	CONSTRAINT ck_budget_node_delta_within_cap CHECK (spent_delta_steps BETWEEN 0 AND cap_delta_steps), 
	CONSTRAINT ck_budget_node_level CHECK (level IN ('population', 'lineage', 'period', 'licence', 'project')), 
	CONSTRAINT ck_budget_node_root CHECK ((parent IS NULL) = (level = 'population')), 
	CONSTRAINT fk_budget_node_parent_budget_node FOREIGN KEY(parent) REFERENCES budget_node (id)
)
-- next
CREATE TRIGGER budget_node_no_update BEFORE UPDATE ON budget_node WHEN NEW.id <> OLD.id OR NEW.level <> OLD.level OR NEW.population <> OLD.population OR NEW.name <> OLD.name OR NEW.opened_us <> OLD.opened_us OR COALESCE(NEW.parent, '') <> COALESCE(OLD.parent, '') OR NEW.spent_nano_rho < OLD.spent_nano_rho OR NEW.spent_delta_steps < OLD.spent_delta_steps OR NEW.cap_nano_rho < OLD.cap_nano_rho OR NEW.cap_delta_steps < OLD.cap_delta_steps OR (OLD.level IN ('licence', 'project') AND NEW.cap_nano_rho <> OLD.cap_nano_rho) OR (OLD.level IN ('licence', 'project') AND NEW.cap_delta_steps <> OLD.cap_delta_steps) BEGIN SELECT RAISE(ABORT, 'budget_node does not change so'); END
-- next
CREATE TRIGGER budget_node_no_delete BEFORE DELETE ON budget_node BEGIN SELECT RAISE(ABORT, 'budget_node does not change so'); END
-- next
CREATE TABLE budget_lineage (
	dataset VARCHAR(63) NOT NULL, 
	population VARCHAR(63) NOT NULL, 
	lineage VARCHAR(63) NOT NULL, 
	origin VARCHAR(16) NOT NULL, 
	entry_index BIGINT NOT NULL, 
	CONSTRAINT pk_budget_lineage PRIMARY KEY (dataset), 
	CONSTRAINT ck_budget_lineage_origin CHECK (origin IN ('own', 'same_columns', 'declared'))
)
-- next
CREATE TRIGGER budget_lineage_no_update BEFORE UPDATE ON budget_lineage BEGIN SELECT RAISE(ABORT, 'budget_lineage does not change so'); END
-- next
CREATE TRIGGER budget_lineage_no_delete BEFORE DELETE ON budget_lineage BEGIN SELECT RAISE(ABORT, 'budget_lineage does not change so'); END
-- next
CREATE TABLE charge (
	id VARCHAR(80) NOT NULL, 
	population VARCHAR(63) NOT NULL, 
	licence VARCHAR(80) NOT NULL, 
	nano_rho BIGINT NOT NULL, 
	delta_steps BIGINT NOT NULL, 
	plan_digest VARCHAR(80) NOT NULL, 
	entry_index BIGINT NOT NULL, 
	charged_us BIGINT NOT NULL, 
	CONSTRAINT pk_charge PRIMARY KEY (id), 
	CONSTRAINT uq_charge_entry_population UNIQUE (entry_index, population), 
	CONSTRAINT ck_charge_not_negative CHECK (nano_rho >= 0 AND delta_steps >= 0)
)
-- next
CREATE INDEX ix_charge_population ON charge (population)
-- next
CREATE TRIGGER charge_no_update BEFORE UPDATE ON charge BEGIN SELECT RAISE(ABORT, 'charge does not change so'); END
-- next
CREATE TRIGGER charge_no_delete BEFORE DELETE ON charge BEGIN SELECT RAISE(ABORT, 'charge does not change so'); END
-- next
CREATE TABLE budget_proposal (
	id VARCHAR(80) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	subject TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	proposed_by VARCHAR(64) NOT NULL, 
	proposed_index BIGINT NOT NULL, 
	proposed_us BIGINT NOT NULL, 
	CONSTRAINT pk_budget_proposal PRIMARY KEY (id), 
	CONSTRAINT ck_budget_proposal_kind CHECK (kind IN ('raise', 'settlement'))
)
-- next
CREATE TRIGGER budget_proposal_no_update BEFORE UPDATE ON budget_proposal BEGIN SELECT RAISE(ABORT, 'budget_proposal does not change so'); END
-- next
CREATE TRIGGER budget_proposal_no_delete BEFORE DELETE ON budget_proposal BEGIN SELECT RAISE(ABORT, 'budget_proposal does not change so'); END
-- next
CREATE TABLE extract (
	digest VARCHAR(80) NOT NULL, 
	licence VARCHAR(80) NOT NULL, 
	dataset VARCHAR(80) NOT NULL, 
	version VARCHAR(80) NOT NULL, 
	policy_digest VARCHAR(80) NOT NULL, 
	path TEXT NOT NULL, 
	key_name VARCHAR(120) NOT NULL, 
	columns_json TEXT NOT NULL, 
	column_bytes_json TEXT NOT NULL, 
	cluster VARCHAR(80), 
	plan_json TEXT NOT NULL, 
	row_count BIGINT NOT NULL, 
	built_index BIGINT NOT NULL, 
	built_us BIGINT NOT NULL, 
	destroyed_us BIGINT, 
	CONSTRAINT pk_extract PRIMARY KEY (digest), 
	CONSTRAINT ck_extract_order CHECK (destroyed_us IS NULL OR destroyed_us >= built_us), 
	CONSTRAINT uq_extract_key_name UNIQUE (key_name)
)
-- next
CREATE INDEX ix_extract_licence ON extract (licence)
-- next
CREATE TABLE closed_plan_class (
	id VARCHAR(80) NOT NULL, 
	class_digest VARCHAR(80) NOT NULL, 
	description TEXT NOT NULL, 
	licence VARCHAR(80) NOT NULL, 
	closed_index BIGINT NOT NULL, 
	closed_us BIGINT NOT NULL, 
	reopened_us BIGINT, 
	reopened_by VARCHAR(80) DEFAULT '' NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_closed_plan_class PRIMARY KEY (id), 
	CONSTRAINT ck_closed_plan_class_reopened CHECK ((reopened_us IS NULL) = (reopened_by = ''))
)
-- next
CREATE INDEX ix_closed_plan_class_class_digest ON closed_plan_class (class_digest)
-- next
CREATE TRIGGER closed_plan_class_no_update BEFORE UPDATE ON closed_plan_class WHEN OLD.reopened_us IS NOT NULL OR NEW.id <> OLD.id OR NEW.class_digest <> OLD.class_digest OR NEW.closed_index <> OLD.closed_index BEGIN SELECT RAISE(ABORT, 'closed_plan_class does not change so'); END
-- next
CREATE TRIGGER closed_plan_class_no_delete BEFORE DELETE ON closed_plan_class BEGIN SELECT RAISE(ABORT, 'closed_plan_class does not change so'); END
-- next
CREATE TABLE question_history (
	licence VARCHAR(80) NOT NULL, 
	dataset VARCHAR(63) NOT NULL, 
	rest_key VARCHAR(80) NOT NULL, 
	part_key VARCHAR(80) NOT NULL, 
	part TEXT NOT NULL, 
	asked_us BIGINT NOT NULL, 
	entry_index BIGINT NOT NULL, 
	CONSTRAINT pk_question_history PRIMARY KEY (licence, dataset, rest_key, part_key)
)
-- next
CREATE TRIGGER question_history_no_update BEFORE UPDATE ON question_history BEGIN SELECT RAISE(ABORT, 'question_history does not change so'); END
-- next
CREATE TRIGGER question_history_no_delete BEFORE DELETE ON question_history BEGIN SELECT RAISE(ABORT, 'question_history does not change so'); END
-- next
CREATE TABLE synthetic_answer (
	id VARCHAR(80) NOT NULL, 
	mode VARCHAR(16) NOT NULL, 
	licence VARCHAR(80) NOT NULL, 
	person VARCHAR(80) NOT NULL, 
	session VARCHAR(80) NOT NULL, 
	twin_seed VARCHAR(80) NOT NULL, 
	plan_digest VARCHAR(80) NOT NULL, 
	policy_digest VARCHAR(80) NOT NULL, 
	content BLOB NOT NULL, 
	content_digest VARCHAR(80) NOT NULL, 
	summary TEXT NOT NULL, 
	answered_index BIGINT NOT NULL, 
	answered_us BIGINT NOT NULL, 
	CONSTRAINT pk_synthetic_answer PRIMARY KEY (id), 
	CONSTRAINT ck_synthetic_answer_mode CHECK (mode IN ('rows', 'aggregate'))
)
-- next
CREATE INDEX ix_synthetic_answer_again ON synthetic_answer (licence, plan_digest)
-- next
CREATE TRIGGER synthetic_answer_no_update BEFORE UPDATE ON synthetic_answer BEGIN SELECT RAISE(ABORT, 'synthetic_answer does not change so'); END
-- next
CREATE TRIGGER synthetic_answer_no_delete BEFORE DELETE ON synthetic_answer BEGIN SELECT RAISE(ABORT, 'synthetic_answer does not change so'); END
-- next
CREATE TABLE verification_consent (
	consent VARCHAR(80) NOT NULL, 
	licence VARCHAR(80) NOT NULL, 
	subject VARCHAR(80) NOT NULL, 
	terms VARCHAR(80) NOT NULL, 
	first_index BIGINT NOT NULL, 
	CONSTRAINT pk_verification_consent PRIMARY KEY (consent)
)
-- next
CREATE TRIGGER verification_consent_no_update BEFORE UPDATE ON verification_consent BEGIN SELECT RAISE(ABORT, 'verification_consent does not change so'); END
-- next
CREATE TRIGGER verification_consent_no_delete BEFORE DELETE ON verification_consent BEGIN SELECT RAISE(ABORT, 'verification_consent does not change so'); END
-- next
CREATE TABLE verification_claim (
	claim VARCHAR(80) NOT NULL, 
	"column" VARCHAR(63) NOT NULL, 
	licence VARCHAR(80) NOT NULL, 
	organisation VARCHAR(80) NOT NULL, 
	person VARCHAR(80) NOT NULL, 
	population VARCHAR(63) NOT NULL, 
	subject VARCHAR(80) NOT NULL, 
	value VARCHAR(80) NOT NULL, 
	consent VARCHAR(80) NOT NULL, 
	entry_index BIGINT NOT NULL, 
	claimed_us BIGINT NOT NULL, 
	CONSTRAINT pk_verification_claim PRIMARY KEY (claim, "column")
)
-- next
CREATE INDEX ix_verification_claim_organisation ON verification_claim (organisation, claimed_us)
-- next
CREATE INDEX ix_verification_claim_subject ON verification_claim (subject, "column")
-- next
CREATE INDEX ix_verification_claim_value ON verification_claim (value, claimed_us)
-- next
CREATE TRIGGER verification_claim_no_update BEFORE UPDATE ON verification_claim BEGIN SELECT RAISE(ABORT, 'verification_claim does not change so'); END
-- next
CREATE TRIGGER verification_claim_no_delete BEFORE DELETE ON verification_claim BEGIN SELECT RAISE(ABORT, 'verification_claim does not change so'); END
-- next
CREATE TABLE verification_lock (
	id VARCHAR(80) NOT NULL, 
	organisation VARCHAR(80) NOT NULL, 
	population VARCHAR(63) NOT NULL, 
	subject VARCHAR(80) NOT NULL, 
	"column" VARCHAR(63) NOT NULL, 
	locked_index BIGINT NOT NULL, 
	locked_us BIGINT NOT NULL, 
	lifted_us BIGINT, 
	lifted_by VARCHAR(80), 
	reason TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_verification_lock PRIMARY KEY (id), 
	CONSTRAINT ck_verification_lock_order CHECK (lifted_us IS NULL OR lifted_us >= locked_us)
)
-- next
CREATE INDEX ix_verification_lock_subject ON verification_lock (subject)
-- next
CREATE TRIGGER verification_lock_no_update BEFORE UPDATE ON verification_lock WHEN OLD.lifted_us IS NOT NULL OR NEW.id <> OLD.id OR NEW.subject <> OLD.subject OR NEW."column" <> OLD."column" OR NEW.organisation <> OLD.organisation OR NEW.locked_us <> OLD.locked_us BEGIN SELECT RAISE(ABORT, 'verification_lock does not change so'); END
-- next
CREATE TRIGGER verification_lock_no_delete BEFORE DELETE ON verification_lock BEGIN SELECT RAISE(ABORT, 'verification_lock does not change so'); END
-- next
CREATE TABLE account (
	code VARCHAR(500) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	holder VARCHAR(450) NOT NULL, 
	CONSTRAINT pk_account PRIMARY KEY (code), 
	CONSTRAINT ck_account_kind CHECK (kind IN ('receivable', 'accrued', 'disputed', 'treasury', 'account', 'tax', 'reserve', 'bank', 'wallet', 'unmatched'))
)
 WITHOUT ROWID
-- next
CREATE TRIGGER account_no_update BEFORE UPDATE ON account BEGIN SELECT RAISE(ABORT, 'account is append-only'); END
-- next
CREATE TRIGGER account_no_delete BEFORE DELETE ON account BEGIN SELECT RAISE(ABORT, 'account is append-only'); END
-- next
CREATE TRIGGER account_no_replace BEFORE INSERT ON account WHEN EXISTS (SELECT 1 FROM account WHERE code = NEW.code) BEGIN SELECT RAISE(ABORT, 'account is append-only'); END
-- next
CREATE TABLE settlement_rule (
	digest VARCHAR(80) NOT NULL, 
	document TEXT NOT NULL, 
	CONSTRAINT pk_settlement_rule PRIMARY KEY (digest)
)
 WITHOUT ROWID
-- next
CREATE TRIGGER settlement_rule_no_update BEFORE UPDATE ON settlement_rule BEGIN SELECT RAISE(ABORT, 'settlement_rule is append-only'); END
-- next
CREATE TRIGGER settlement_rule_no_delete BEFORE DELETE ON settlement_rule BEGIN SELECT RAISE(ABORT, 'settlement_rule is append-only'); END
-- next
CREATE TRIGGER settlement_rule_no_replace BEFORE INSERT ON settlement_rule WHEN EXISTS (SELECT 1 FROM settlement_rule WHERE digest = NEW.digest) BEGIN SELECT RAISE(ABORT, 'settlement_rule is append-only'); END
-- next
CREATE TABLE seal (
	journal_id VARCHAR(60) NOT NULL, 
	digest VARCHAR(80) NOT NULL, 
	CONSTRAINT pk_seal PRIMARY KEY (journal_id)
)
 WITHOUT ROWID
-- next
CREATE TRIGGER seal_no_update BEFORE UPDATE ON seal BEGIN SELECT RAISE(ABORT, 'seal is append-only'); END
-- next
CREATE TRIGGER seal_no_delete BEFORE DELETE ON seal BEGIN SELECT RAISE(ABORT, 'seal is append-only'); END
-- next
CREATE TRIGGER seal_no_replace BEFORE INSERT ON seal WHEN EXISTS (SELECT 1 FROM seal WHERE journal_id = NEW.journal_id) BEGIN SELECT RAISE(ABORT, 'seal is append-only'); END
-- next
CREATE TRIGGER seal_balanced BEFORE INSERT ON seal WHEN (SELECT count(*) FROM posting WHERE journal_id = NEW.journal_id) < 2 OR (SELECT sum(fen) FROM posting WHERE journal_id = NEW.journal_id) <> 0 BEGIN SELECT RAISE(ABORT, 'journal is not balanced'); END
-- next
CREATE TABLE scheme_document (
	digest VARCHAR(80) NOT NULL, 
	document TEXT NOT NULL, 
	CONSTRAINT pk_scheme_document PRIMARY KEY (digest)
)
 WITHOUT ROWID
-- next
CREATE TRIGGER scheme_document_no_update BEFORE UPDATE ON scheme_document BEGIN SELECT RAISE(ABORT, 'scheme_document does not change so'); END
-- next
CREATE TRIGGER scheme_document_no_delete BEFORE DELETE ON scheme_document BEGIN SELECT RAISE(ABORT, 'scheme_document does not change so'); END
-- next
CREATE TRIGGER scheme_document_no_replace_digest BEFORE INSERT ON scheme_document WHEN EXISTS (SELECT 1 FROM scheme_document WHERE digest = NEW.digest) BEGIN SELECT RAISE(ABORT, 'scheme_document does not change so'); END
-- next
CREATE TABLE tariff_document (
	digest VARCHAR(80) NOT NULL, 
	document TEXT NOT NULL, 
	CONSTRAINT pk_tariff_document PRIMARY KEY (digest)
)
 WITHOUT ROWID
-- next
CREATE TRIGGER tariff_document_no_update BEFORE UPDATE ON tariff_document BEGIN SELECT RAISE(ABORT, 'tariff_document does not change so'); END
-- next
CREATE TRIGGER tariff_document_no_delete BEFORE DELETE ON tariff_document BEGIN SELECT RAISE(ABORT, 'tariff_document does not change so'); END
-- next
CREATE TRIGGER tariff_document_no_replace_digest BEFORE INSERT ON tariff_document WHEN EXISTS (SELECT 1 FROM tariff_document WHERE digest = NEW.digest) BEGIN SELECT RAISE(ABORT, 'tariff_document does not change so'); END
-- next
CREATE TABLE sandbox_egress (
	person VARCHAR(120) NOT NULL, 
	licence VARCHAR(40) NOT NULL, 
	day INTEGER NOT NULL, 
	reserved_bytes BIGINT NOT NULL, 
	reserved_values BIGINT NOT NULL, 
	CONSTRAINT pk_sandbox_egress PRIMARY KEY (person, licence, day), 
	CONSTRAINT ck_sandbox_egress_counted CHECK (reserved_bytes >= 0 AND reserved_values >= 0)
)
-- next
CREATE TRIGGER sandbox_egress_no_update BEFORE UPDATE ON sandbox_egress WHEN NEW.reserved_bytes < OLD.reserved_bytes OR NEW.reserved_values < OLD.reserved_values BEGIN SELECT RAISE(ABORT, 'sandbox_egress does not change so'); END
-- next
CREATE TRIGGER sandbox_egress_no_delete BEFORE DELETE ON sandbox_egress BEGIN SELECT RAISE(ABORT, 'sandbox_egress does not change so'); END
-- next
CREATE TABLE sandbox_incoming (
	person VARCHAR(120) NOT NULL, 
	licence VARCHAR(40) NOT NULL, 
	day INTEGER NOT NULL, 
	way VARCHAR(8) NOT NULL, 
	bytes BIGINT NOT NULL, 
	CONSTRAINT pk_sandbox_incoming PRIMARY KEY (person, licence, day, way), 
	CONSTRAINT ck_sandbox_incoming_counted CHECK (bytes >= 0), 
	CONSTRAINT ck_sandbox_incoming_way CHECK (way IN ('upload', 'save'))
)
-- next
CREATE TRIGGER sandbox_incoming_no_update BEFORE UPDATE ON sandbox_incoming WHEN NEW.bytes < OLD.bytes BEGIN SELECT RAISE(ABORT, 'sandbox_incoming does not change so'); END
-- next
CREATE TRIGGER sandbox_incoming_no_delete BEFORE DELETE ON sandbox_incoming BEGIN SELECT RAISE(ABORT, 'sandbox_incoming does not change so'); END
-- next
CREATE TABLE sandbox_sessions (
	id VARCHAR(40) NOT NULL, 
	slot VARCHAR(26), 
	person VARCHAR(120) NOT NULL, 
	organisation VARCHAR(120) NOT NULL, 
	licence VARCHAR(40) NOT NULL, 
	purpose VARCHAR(200) NOT NULL, 
	project VARCHAR(63) DEFAULT '' NOT NULL, 
	mode VARCHAR(16) NOT NULL, 
	review VARCHAR(40) DEFAULT '' NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reason VARCHAR(200), 
	egress_bytes BIGINT NOT NULL, 
	spent_nano_rho BIGINT DEFAULT '0' NOT NULL, 
	spent_micro_fen BIGINT DEFAULT '0' NOT NULL, 
	requested_us BIGINT NOT NULL, 
	opened_us BIGINT, 
	changed_us BIGINT NOT NULL, 
	CONSTRAINT pk_sandbox_sessions PRIMARY KEY (id), 
	CONSTRAINT ck_sandbox_sessions_state CHECK (state IN ('applied', 'debug', 'production', 'frozen', 'closed', 'destroyed')), 
	CONSTRAINT ck_sandbox_sessions_mode CHECK (mode IN ('debug', 'production')), 
	CONSTRAINT ck_sandbox_sessions_open_in_its_mode CHECK (state NOT IN ('debug', 'production') OR state = mode), 
	CONSTRAINT uq_sandbox_sessions_slot UNIQUE (slot)
)
-- next
CREATE INDEX ix_sandbox_sessions_licence_state ON sandbox_sessions (licence, state)
-- next
CREATE TABLE sandbox_reviews (
	id VARCHAR(40) NOT NULL, 
	licence VARCHAR(40) NOT NULL, 
	person VARCHAR(120) NOT NULL, 
	organisation VARCHAR(120) NOT NULL, 
	notebook_digest VARCHAR(80) NOT NULL, 
	environment_digest VARCHAR(80) NOT NULL, 
	policy_digest VARCHAR(80) NOT NULL, 
	datasets TEXT NOT NULL, 
	cells BLOB NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reviewer VARCHAR(120), 
	submitted_us BIGINT NOT NULL, 
	decided_us BIGINT, 
	valid_until_us BIGINT, 
	CONSTRAINT pk_sandbox_reviews PRIMARY KEY (id), 
	CONSTRAINT ck_sandbox_reviews_state CHECK (state IN ('submitted', 'approved', 'returned', 'withdrawn')), 
	CONSTRAINT ck_sandbox_reviews_by_another_person CHECK (reviewer IS NULL OR reviewer <> person), 
	CONSTRAINT ck_sandbox_reviews_approved_by_somebody CHECK (state <> 'approved' OR (reviewer IS NOT NULL AND valid_until_us IS NOT NULL))
)
-- next
CREATE INDEX ix_sandbox_reviews_licence ON sandbox_reviews (licence, submitted_us)
-- next
CREATE TRIGGER sandbox_reviews_no_update BEFORE UPDATE ON sandbox_reviews WHEN NEW.cells <> OLD.cells OR NEW.notebook_digest <> OLD.notebook_digest OR NEW.licence <> OLD.licence OR NEW.person <> OLD.person OR NEW.environment_digest <> OLD.environment_digest OR NEW.policy_digest <> OLD.policy_digest OR OLD.state IN ('returned', 'withdrawn') OR (OLD.state = 'approved' AND NEW.state <> 'withdrawn') BEGIN SELECT RAISE(ABORT, 'sandbox_reviews does not change so'); END
-- next
CREATE TRIGGER sandbox_reviews_no_delete BEFORE DELETE ON sandbox_reviews BEGIN SELECT RAISE(ABORT, 'sandbox_reviews does not change so'); END
-- next
CREATE TABLE sandbox_subscriptions (
	id VARCHAR(40) NOT NULL, 
	review VARCHAR(40) NOT NULL, 
	licence VARCHAR(40) NOT NULL, 
	project VARCHAR(63) DEFAULT '' NOT NULL, 
	dataset VARCHAR(63) NOT NULL, 
	person VARCHAR(120) NOT NULL, 
	organisation VARCHAR(120) NOT NULL, 
	last_version VARCHAR(80) NOT NULL, 
	budget_nano_rho_max BIGINT NOT NULL, 
	money_micro_fen_max BIGINT NOT NULL, 
	wall_seconds_max INTEGER NOT NULL, 
	made_us BIGINT NOT NULL, 
	ended_us BIGINT, 
	CONSTRAINT pk_sandbox_subscriptions PRIMARY KEY (id)
)
-- next
CREATE INDEX ix_sandbox_subscriptions_dataset ON sandbox_subscriptions (dataset)
-- next
CREATE TABLE sandbox_runs (
	id VARCHAR(40) NOT NULL, 
	review VARCHAR(40) NOT NULL, 
	licence VARCHAR(40) NOT NULL, 
	project VARCHAR(63) DEFAULT '' NOT NULL, 
	person VARCHAR(120) NOT NULL, 
	organisation VARCHAR(120) NOT NULL, 
	notebook_digest VARCHAR(80) NOT NULL, 
	"trigger" VARCHAR(16) NOT NULL, 
	versions TEXT DEFAULT '[]' NOT NULL, 
	subscription VARCHAR(40), 
	session VARCHAR(40), 
	state VARCHAR(16) NOT NULL, 
	budget_nano_rho_max BIGINT NOT NULL, 
	money_micro_fen_max BIGINT NOT NULL, 
	wall_seconds_max INTEGER NOT NULL, 
	spent_nano_rho BIGINT DEFAULT '0' NOT NULL, 
	spent_micro_fen BIGINT DEFAULT '0' NOT NULL, 
	cells_run INTEGER DEFAULT '0' NOT NULL, 
	failed_cell INTEGER, 
	code VARCHAR(64), 
	requested_us BIGINT NOT NULL, 
	changed_us BIGINT NOT NULL, 
	CONSTRAINT pk_sandbox_runs PRIMARY KEY (id), 
	CONSTRAINT ck_sandbox_runs_state CHECK (state IN ('waiting', 'running', 'finished', 'failed')), 
	CONSTRAINT ck_sandbox_runs_within_budget CHECK (spent_nano_rho <= budget_nano_rho_max), 
	CONSTRAINT ck_sandbox_runs_within_money CHECK (spent_micro_fen <= money_micro_fen_max)
)
-- next
CREATE INDEX ix_sandbox_runs_session ON sandbox_runs (session)
-- next
CREATE INDEX ix_sandbox_runs_state ON sandbox_runs (state, requested_us)
-- next
CREATE TRIGGER sandbox_runs_no_update BEFORE UPDATE ON sandbox_runs WHEN NEW.spent_nano_rho < OLD.spent_nano_rho OR NEW.spent_micro_fen < OLD.spent_micro_fen OR NEW.budget_nano_rho_max <> OLD.budget_nano_rho_max OR NEW.money_micro_fen_max <> OLD.money_micro_fen_max OR NEW.notebook_digest <> OLD.notebook_digest OR OLD.state IN ('finished', 'failed') BEGIN SELECT RAISE(ABORT, 'sandbox_runs does not change so'); END
-- next
CREATE TRIGGER sandbox_runs_no_delete BEFORE DELETE ON sandbox_runs BEGIN SELECT RAISE(ABORT, 'sandbox_runs does not change so'); END
-- next
CREATE TABLE sandbox_home (
	id VARCHAR(40) NOT NULL, 
	licence VARCHAR(40) NOT NULL, 
	person VARCHAR(120) NOT NULL, 
	organisation VARCHAR(120) NOT NULL, 
	project VARCHAR(63) DEFAULT '' NOT NULL, 
	mode VARCHAR(16) NOT NULL, 
	session VARCHAR(40) NOT NULL, 
	terms TEXT NOT NULL, 
	key_name VARCHAR(120) NOT NULL, 
	box_digest VARCHAR(80) NOT NULL, 
	saved_bytes BIGINT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	saved_index BIGINT NOT NULL, 
	saved_us BIGINT NOT NULL, 
	ended_us BIGINT, 
	CONSTRAINT pk_sandbox_home PRIMARY KEY (id), 
	CONSTRAINT ck_sandbox_home_state CHECK (state IN ('current', 'replaced', 'withheld', 'destroyed'))
)
-- next
CREATE INDEX ix_sandbox_home_licence_person ON sandbox_home (licence, person)
-- next
CREATE TRIGGER sandbox_home_no_update BEFORE UPDATE ON sandbox_home WHEN OLD.state = 'destroyed' OR (OLD.state <> 'current' AND NEW.state = 'current') OR NEW.box_digest <> OLD.box_digest OR NEW.terms <> OLD.terms OR NEW.person <> OLD.person OR NEW.licence <> OLD.licence BEGIN SELECT RAISE(ABORT, 'sandbox_home does not change so'); END
-- next
CREATE TRIGGER sandbox_home_no_delete BEFORE DELETE ON sandbox_home BEGIN SELECT RAISE(ABORT, 'sandbox_home does not change so'); END
-- next
CREATE TABLE sandbox_package_request (
	id VARCHAR(40) NOT NULL, 
	package VARCHAR(100) NOT NULL, 
	version VARCHAR(60) NOT NULL, 
	licence VARCHAR(80) NOT NULL, 
	person VARCHAR(120) NOT NULL, 
	organisation VARCHAR(120) NOT NULL, 
	reason TEXT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	decided_by VARCHAR(120) DEFAULT '' NOT NULL, 
	comment TEXT DEFAULT '' NOT NULL, 
	requested_us BIGINT NOT NULL, 
	decided_us BIGINT, 
	CONSTRAINT pk_sandbox_package_request PRIMARY KEY (id), 
	CONSTRAINT ck_sandbox_package_request_state CHECK (state IN ('requested', 'approved', 'refused'))
)
-- next
CREATE INDEX ix_sandbox_package_request_package ON sandbox_package_request (package, version)
-- next
CREATE TRIGGER sandbox_package_request_no_update BEFORE UPDATE ON sandbox_package_request WHEN OLD.state <> 'requested' OR NEW.package <> OLD.package OR NEW.version <> OLD.version OR NEW.person <> OLD.person BEGIN SELECT RAISE(ABORT, 'sandbox_package_request does not change so'); END
-- next
CREATE TRIGGER sandbox_package_request_no_delete BEFORE DELETE ON sandbox_package_request BEGIN SELECT RAISE(ABORT, 'sandbox_package_request does not change so'); END
-- next
CREATE TABLE idempotency_key (
	principal VARCHAR(64) NOT NULL, 
	route VARCHAR(400) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	body_digest VARCHAR(64) NOT NULL, 
	entry_index BIGINT NOT NULL, 
	CONSTRAINT pk_idempotency_key PRIMARY KEY (principal, route, "key")
)
-- next
CREATE TABLE entry_subject (
	field VARCHAR(32) NOT NULL, 
	value VARCHAR(200) NOT NULL, 
	idx INTEGER NOT NULL, 
	CONSTRAINT pk_entry_subject PRIMARY KEY (field, value, idx), 
	CONSTRAINT fk_entry_subject_idx_entry FOREIGN KEY(idx) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER entry_subject_no_update BEFORE UPDATE ON entry_subject BEGIN SELECT RAISE(ABORT, 'entry_subject is append-only'); END
-- next
CREATE TRIGGER entry_subject_no_delete BEFORE DELETE ON entry_subject BEGIN SELECT RAISE(ABORT, 'entry_subject is append-only'); END
-- next
CREATE TRIGGER entry_subject_no_insert BEFORE INSERT ON entry_subject WHEN EXISTS (SELECT 1 FROM entry_subject WHERE field = NEW.field AND value = NEW.value AND idx = NEW.idx) BEGIN SELECT RAISE(ABORT, 'entry_subject is append-only'); END
-- next
CREATE TABLE entry_private (
	idx INTEGER NOT NULL, 
	field VARCHAR(64) NOT NULL, 
	key_name VARCHAR(100) NOT NULL, 
	sealed BLOB NOT NULL, 
	CONSTRAINT pk_entry_private PRIMARY KEY (idx, field), 
	CONSTRAINT fk_entry_private_idx_entry FOREIGN KEY(idx) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
-- next
CREATE INDEX ix_entry_private_key_name ON entry_private (key_name)
-- next
CREATE TRIGGER entry_private_no_update BEFORE UPDATE ON entry_private BEGIN SELECT RAISE(ABORT, 'entry_private is append-only'); END
-- next
CREATE TRIGGER entry_private_no_insert BEFORE INSERT ON entry_private WHEN EXISTS (SELECT 1 FROM entry_private WHERE idx = NEW.idx AND field = NEW.field) BEGIN SELECT RAISE(ABORT, 'entry_private is append-only'); END
-- next
CREATE TRIGGER entry_private_no_delete BEFORE DELETE ON entry_private WHEN NOT EXISTS (SELECT 1 FROM erasure WHERE idx = OLD.idx AND field = OLD.field) BEGIN SELECT RAISE(ABORT, 'entry_private is append-only'); END
-- next
CREATE TABLE erasure (
	idx INTEGER NOT NULL, 
	field VARCHAR(64) NOT NULL, 
	key_name VARCHAR(100) NOT NULL, 
	erased_index INTEGER NOT NULL, 
	CONSTRAINT pk_erasure PRIMARY KEY (idx, field), 
	CONSTRAINT fk_erasure_erased_index_entry FOREIGN KEY(erased_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
-- next
CREATE INDEX ix_erasure_key_name ON erasure (key_name)
-- next
CREATE TRIGGER erasure_no_update BEFORE UPDATE ON erasure BEGIN SELECT RAISE(ABORT, 'erasure is append-only'); END
-- next
CREATE TRIGGER erasure_no_delete BEFORE DELETE ON erasure BEGIN SELECT RAISE(ABORT, 'erasure is append-only'); END
-- next
CREATE TRIGGER erasure_no_insert BEFORE INSERT ON erasure WHEN EXISTS (SELECT 1 FROM erasure WHERE idx = NEW.idx AND field = NEW.field) BEGIN SELECT RAISE(ABORT, 'erasure is append-only'); END
-- next
CREATE TABLE cosignature (
	size INTEGER NOT NULL, 
	witness VARCHAR(255) NOT NULL, 
	key_id VARCHAR(8) NOT NULL, 
	line TEXT NOT NULL, 
	time_us BIGINT NOT NULL, 
	CONSTRAINT pk_cosignature PRIMARY KEY (size, witness, key_id), 
	CONSTRAINT fk_cosignature_size_checkpoint FOREIGN KEY(size) REFERENCES checkpoint (size) DEFERRABLE INITIALLY DEFERRED
)
-- next
CREATE TRIGGER cosignature_no_update BEFORE UPDATE ON cosignature BEGIN SELECT RAISE(ABORT, 'cosignature is append-only'); END
-- next
CREATE TRIGGER cosignature_no_delete BEFORE DELETE ON cosignature BEGIN SELECT RAISE(ABORT, 'cosignature is append-only'); END
-- next
CREATE TRIGGER cosignature_no_insert BEFORE INSERT ON cosignature WHEN EXISTS (SELECT 1 FROM cosignature WHERE size = NEW.size AND witness = NEW.witness AND key_id = NEW.key_id) BEGIN SELECT RAISE(ABORT, 'cosignature is append-only'); END
-- next
CREATE TABLE case_hold (
	id VARCHAR(80) NOT NULL, 
	case_id VARCHAR(80) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	scope TEXT NOT NULL, 
	placed_by VARCHAR(80) NOT NULL, 
	placed_index BIGINT NOT NULL, 
	placed_us BIGINT NOT NULL, 
	lifted_by VARCHAR(80), 
	lifted_index BIGINT, 
	CONSTRAINT pk_case_hold PRIMARY KEY (id), 
	CONSTRAINT ck_case_hold_state CHECK (state IN ('placed', 'lifted')), 
	CONSTRAINT fk_case_hold_case_id_audit_case FOREIGN KEY(case_id) REFERENCES audit_case (id)
)
-- next
CREATE INDEX ix_case_hold_case_id ON case_hold (case_id)
-- next
CREATE TRIGGER case_hold_no_update BEFORE UPDATE ON case_hold WHEN OLD.state = 'lifted' OR NEW.scope <> OLD.scope OR NEW.case_id <> OLD.case_id BEGIN SELECT RAISE(ABORT, 'case_hold does not change so'); END
-- next
CREATE TRIGGER case_hold_no_delete BEFORE DELETE ON case_hold BEGIN SELECT RAISE(ABORT, 'case_hold does not change so'); END
-- next
CREATE TABLE purge_confirmation (
	proposal VARCHAR(80) NOT NULL, 
	confirmed_by VARCHAR(80) NOT NULL, 
	confirmed_index BIGINT NOT NULL, 
	confirmed_us BIGINT NOT NULL, 
	CONSTRAINT pk_purge_confirmation PRIMARY KEY (proposal), 
	CONSTRAINT fk_purge_confirmation_proposal_purge_proposal FOREIGN KEY(proposal) REFERENCES purge_proposal (id)
)
-- next
CREATE TRIGGER purge_confirmation_no_update BEFORE UPDATE ON purge_confirmation BEGIN SELECT RAISE(ABORT, 'purge_confirmation does not change so'); END
-- next
CREATE TRIGGER purge_confirmation_no_delete BEFORE DELETE ON purge_confirmation BEGIN SELECT RAISE(ABORT, 'purge_confirmation does not change so'); END
-- next
CREATE TABLE organisation_affiliate (
	organisation VARCHAR(64) NOT NULL, 
	affiliate VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_organisation_affiliate PRIMARY KEY (organisation, affiliate), 
	CONSTRAINT ck_organisation_affiliate_two_organisations CHECK (organisation <> affiliate), 
	CONSTRAINT fk_organisation_affiliate_organisation_organisation FOREIGN KEY(organisation) REFERENCES organisation (id), 
	CONSTRAINT fk_organisation_affiliate_affiliate_organisation FOREIGN KEY(affiliate) REFERENCES organisation (id)
)
-- next
CREATE TABLE control_relation (
	id VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	kind VARCHAR(30) NOT NULL, 
	controller VARCHAR(120) NOT NULL, 
	share_ppm INTEGER, 
	evidence TEXT NOT NULL, 
	controls INTEGER NOT NULL, 
	declared_by VARCHAR(64) NOT NULL, 
	declared_for VARCHAR(64) NOT NULL, 
	since_us BIGINT NOT NULL, 
	ended_us BIGINT, 
	counts_until_us BIGINT, 
	CONSTRAINT pk_control_relation PRIMARY KEY (id), 
	CONSTRAINT ck_control_relation_controls CHECK (controls IN (0, 1)), 
	CONSTRAINT ck_control_relation_share CHECK (share_ppm BETWEEN 0 AND 1000000), 
	CONSTRAINT fk_control_relation_organisation_organisation FOREIGN KEY(organisation) REFERENCES organisation (id)
)
-- next
CREATE INDEX ix_control_relation_controller ON control_relation (controller)
-- next
CREATE TRIGGER control_relation_no_update BEFORE UPDATE ON control_relation WHEN OLD.ended_us IS NOT NULL OR NEW.id <> OLD.id OR NEW.organisation <> OLD.organisation OR NEW.kind <> OLD.kind OR NEW.controller <> OLD.controller OR NEW.evidence <> OLD.evidence OR NEW.controls <> OLD.controls OR NEW.since_us <> OLD.since_us BEGIN SELECT RAISE(ABORT, 'control_relation does not change so'); END
-- next
CREATE TRIGGER control_relation_no_delete BEFORE DELETE ON control_relation BEGIN SELECT RAISE(ABORT, 'control_relation does not change so'); END
-- next
CREATE TABLE person_role (
	person VARCHAR(64) NOT NULL, 
	role VARCHAR(40) NOT NULL, 
	since_us BIGINT NOT NULL, 
	until_us BIGINT, 
	CONSTRAINT pk_person_role PRIMARY KEY (person, role), 
	CONSTRAINT ck_person_role_term CHECK (until_us IS NULL OR since_us < until_us), 
	CONSTRAINT fk_person_role_person_person FOREIGN KEY(person) REFERENCES person (id)
)
-- next
CREATE TRIGGER person_role_insert_is_counted AFTER INSERT ON person_role
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 0, 1, 0) ON CONFLICT (id) DO UPDATE SET people = policy_version.people + 1; END
-- next
CREATE TRIGGER person_role_update_is_counted AFTER UPDATE ON person_role
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 0, 1, 0) ON CONFLICT (id) DO UPDATE SET people = policy_version.people + 1; END
-- next
CREATE TRIGGER person_role_delete_is_counted AFTER DELETE ON person_role
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 0, 1, 0) ON CONFLICT (id) DO UPDATE SET people = policy_version.people + 1; END
-- next
CREATE TABLE person_account (
	name VARCHAR(200) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	since_us BIGINT NOT NULL, 
	ended_us BIGINT, 
	CONSTRAINT pk_person_account PRIMARY KEY (name), 
	CONSTRAINT fk_person_account_person_person FOREIGN KEY(person) REFERENCES person (id), 
	CONSTRAINT fk_person_account_organisation_organisation FOREIGN KEY(organisation) REFERENCES organisation (id)
)
-- next
CREATE TABLE affiliation (
	person VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	since_us BIGINT NOT NULL, 
	ended_us BIGINT, 
	counts_until_us BIGINT, 
	CONSTRAINT pk_affiliation PRIMARY KEY (person, organisation), 
	CONSTRAINT fk_affiliation_person_person FOREIGN KEY(person) REFERENCES person (id), 
	CONSTRAINT fk_affiliation_organisation_organisation FOREIGN KEY(organisation) REFERENCES organisation (id)
)
-- next
CREATE TRIGGER affiliation_insert_is_counted AFTER INSERT ON affiliation
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 0, 1, 0) ON CONFLICT (id) DO UPDATE SET people = policy_version.people + 1; END
-- next
CREATE TRIGGER affiliation_update_is_counted AFTER UPDATE ON affiliation
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 0, 1, 0) ON CONFLICT (id) DO UPDATE SET people = policy_version.people + 1; END
-- next
CREATE TRIGGER affiliation_delete_is_counted AFTER DELETE ON affiliation
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 0, 1, 0) ON CONFLICT (id) DO UPDATE SET people = policy_version.people + 1; END
-- next
CREATE TABLE role_grant (
	id VARCHAR(64) NOT NULL, 
	kind VARCHAR(30) NOT NULL, 
	subject VARCHAR(64) NOT NULL, 
	document TEXT NOT NULL, 
	document_digest VARCHAR(80) NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	proposed_by VARCHAR(64) NOT NULL, 
	proposed_for VARCHAR(64) NOT NULL, 
	proposed_us BIGINT NOT NULL, 
	decided_by VARCHAR(64), 
	decided_us BIGINT, 
	CONSTRAINT pk_role_grant PRIMARY KEY (id), 
	CONSTRAINT ck_role_grant_state CHECK (state IN ('proposed', 'confirmed', 'refused', 'withdrawn')), 
	CONSTRAINT ck_role_grant_two_people CHECK (state <> 'confirmed' OR decided_by <> proposed_by), 
	CONSTRAINT ck_role_grant_decided CHECK (state = 'proposed' OR decided_by IS NOT NULL), 
	CONSTRAINT fk_role_grant_proposed_by_person FOREIGN KEY(proposed_by) REFERENCES person (id), 
	CONSTRAINT fk_role_grant_proposed_for_organisation FOREIGN KEY(proposed_for) REFERENCES organisation (id), 
	CONSTRAINT fk_role_grant_decided_by_person FOREIGN KEY(decided_by) REFERENCES person (id)
)
-- next
CREATE INDEX ix_role_grant_subject ON role_grant (subject)
-- next
CREATE TRIGGER role_grant_no_update BEFORE UPDATE ON role_grant WHEN OLD.state <> 'proposed' OR NEW.id <> OLD.id OR NEW.kind <> OLD.kind OR NEW.subject <> OLD.subject OR NEW.document <> OLD.document OR NEW.document_digest <> OLD.document_digest OR NEW.proposed_by <> OLD.proposed_by OR NEW.proposed_us <> OLD.proposed_us BEGIN SELECT RAISE(ABORT, 'role_grant does not change so'); END
-- next
CREATE TRIGGER role_grant_no_delete BEFORE DELETE ON role_grant BEGIN SELECT RAISE(ABORT, 'role_grant does not change so'); END
-- next
CREATE TABLE service_credential (
	id VARCHAR(64) NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	secret_digest VARCHAR(80) NOT NULL, 
	issued_us BIGINT NOT NULL, 
	expires_us BIGINT NOT NULL, 
	ended_us BIGINT, 
	CONSTRAINT pk_service_credential PRIMARY KEY (id), 
	CONSTRAINT ck_service_credential_term CHECK (issued_us < expires_us), 
	CONSTRAINT fk_service_credential_account_person FOREIGN KEY(account) REFERENCES person (id)
)
-- next
CREATE TRIGGER service_credential_no_update BEFORE UPDATE ON service_credential WHEN (OLD.ended_us IS NOT NULL AND (NEW.ended_us IS NULL OR NEW.ended_us > OLD.ended_us)) OR NEW.id <> OLD.id OR NEW.account <> OLD.account OR NEW.secret_digest <> OLD.secret_digest OR NEW.issued_us <> OLD.issued_us OR NEW.expires_us <> OLD.expires_us BEGIN SELECT RAISE(ABORT, 'service_credential does not change so'); END
-- next
CREATE TRIGGER service_credential_no_delete BEFORE DELETE ON service_credential BEGIN SELECT RAISE(ABORT, 'service_credential does not change so'); END
-- next
CREATE TABLE service_scope (
	account VARCHAR(64) NOT NULL, 
	scope VARCHAR(60) NOT NULL, 
	CONSTRAINT pk_service_scope PRIMARY KEY (account, scope), 
	CONSTRAINT fk_service_scope_account_person FOREIGN KEY(account) REFERENCES person (id)
)
-- next
CREATE TABLE agreement (
	number VARCHAR(200) NOT NULL, 
	authority VARCHAR(64) NOT NULL, 
	operator VARCHAR(64) NOT NULL, 
	collective_decision VARCHAR(200) NOT NULL, 
	filing_number VARCHAR(200) NOT NULL, 
	linkage_groups TEXT DEFAULT '[]' NOT NULL, 
	valid_from_us BIGINT NOT NULL, 
	valid_until_us BIGINT NOT NULL, 
	created_us BIGINT NOT NULL, 
	CONSTRAINT pk_agreement PRIMARY KEY (number), 
	CONSTRAINT ck_agreement_term CHECK (valid_from_us < valid_until_us), 
	CONSTRAINT fk_agreement_authority_organisation FOREIGN KEY(authority) REFERENCES organisation (id), 
	CONSTRAINT fk_agreement_operator_organisation FOREIGN KEY(operator) REFERENCES organisation (id)
)
-- next
CREATE TABLE licence (
	id VARCHAR(64) NOT NULL, 
	authority VARCHAR(64) NOT NULL, 
	operator VARCHAR(64) NOT NULL, 
	document BLOB NOT NULL, 
	document_digest VARCHAR(80) NOT NULL, 
	signature BLOB, 
	state VARCHAR(10) NOT NULL, 
	drafted_by VARCHAR(64) NOT NULL, 
	activated_by VARCHAR(64), 
	closure VARCHAR(64), 
	valid_from_us BIGINT NOT NULL, 
	valid_until_us BIGINT NOT NULL, 
	drafted_us BIGINT NOT NULL, 
	changed_us BIGINT NOT NULL, 
	CONSTRAINT pk_licence PRIMARY KEY (id), 
	CONSTRAINT ck_licence_state CHECK (state IN ('drafted', 'active', 'suspended', 'ended', 'expired')), 
	CONSTRAINT ck_licence_in_force_is_signed CHECK (state NOT IN ('active', 'suspended') OR signature IS NOT NULL), 
	CONSTRAINT ck_licence_two_people CHECK (activated_by IS NULL OR activated_by <> drafted_by), 
	CONSTRAINT fk_licence_authority_organisation FOREIGN KEY(authority) REFERENCES organisation (id), 
	CONSTRAINT fk_licence_operator_organisation FOREIGN KEY(operator) REFERENCES organisation (id), 
	CONSTRAINT fk_licence_drafted_by_person FOREIGN KEY(drafted_by) REFERENCES person (id), 
	CONSTRAINT fk_licence_activated_by_person FOREIGN KEY(activated_by) REFERENCES person (id)
)
-- next
CREATE TRIGGER licence_document_is_immutable BEFORE UPDATE ON licence
    WHEN NEW.id <> OLD.id OR NEW.document <> OLD.document OR NEW.operator <> OLD.operator
      OR NEW.document_digest <> OLD.document_digest OR NEW.drafted_by <> OLD.drafted_by
      OR (OLD.signature IS NOT NULL AND NEW.signature IS NOT OLD.signature)
      OR (OLD.state IN ('ended', 'expired') AND NEW.state <> OLD.state)
    BEGIN SELECT RAISE(ABORT, 'a licence document is immutable and its end is final'); END
-- next
CREATE TRIGGER licence_is_never_deleted BEFORE DELETE ON licence
    BEGIN SELECT RAISE(ABORT, 'licences are never deleted'); END
-- next
CREATE TRIGGER licence_insert_is_counted AFTER INSERT ON licence
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 1, 0, 0) ON CONFLICT (id) DO UPDATE SET licences = policy_version.licences + 1; END
-- next
CREATE TRIGGER licence_update_is_counted AFTER UPDATE ON licence
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 1, 0, 0) ON CONFLICT (id) DO UPDATE SET licences = policy_version.licences + 1; END
-- next
CREATE TABLE authority_superior (
	authority VARCHAR(64) NOT NULL, 
	superior VARCHAR(64) NOT NULL, 
	since_us BIGINT NOT NULL, 
	CONSTRAINT pk_authority_superior PRIMARY KEY (authority), 
	CONSTRAINT ck_authority_superior_two_authorities CHECK (authority <> superior), 
	CONSTRAINT fk_authority_superior_authority_organisation FOREIGN KEY(authority) REFERENCES organisation (id), 
	CONSTRAINT fk_authority_superior_superior_organisation FOREIGN KEY(superior) REFERENCES organisation (id)
)
-- next
CREATE TRIGGER authority_superior_insert_is_counted AFTER INSERT ON authority_superior
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 0, 0, 1) ON CONFLICT (id) DO UPDATE SET delegations = policy_version.delegations + 1; END
-- next
CREATE TRIGGER authority_superior_update_is_counted AFTER UPDATE ON authority_superior
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 0, 0, 1) ON CONFLICT (id) DO UPDATE SET delegations = policy_version.delegations + 1; END
-- next
CREATE TRIGGER authority_superior_delete_is_counted AFTER DELETE ON authority_superior
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 0, 0, 1) ON CONFLICT (id) DO UPDATE SET delegations = policy_version.delegations + 1; END
-- next
CREATE TABLE catalog_entry (
	id VARCHAR(64) NOT NULL, 
	code VARCHAR(100) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	created_us BIGINT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	version INTEGER, 
	zone VARCHAR(63) NOT NULL, 
	grade VARCHAR(8) NOT NULL, 
	share_attribute VARCHAR(16) NOT NULL, 
	open_attribute VARCHAR(16) NOT NULL, 
	return_attribute VARCHAR(16) NOT NULL, 
	tags TEXT NOT NULL, 
	changed_us BIGINT NOT NULL, 
	changed_index BIGINT NOT NULL, 
	name_zh TEXT NOT NULL, 
	name_en TEXT NOT NULL, 
	search_text TEXT NOT NULL, 
	CONSTRAINT pk_catalog_entry PRIMARY KEY (id), 
	CONSTRAINT fk_catalog_entry_published_revision FOREIGN KEY(id, version) REFERENCES catalog_entry_revision (entry_id, version), 
	CONSTRAINT ck_catalog_entry_state CHECK (state IN ('draft', 'submitted', 'refused', 'published', 'change_submitted', 'withdrawn', 'discarded')), 
	CONSTRAINT ck_catalog_entry_version CHECK ((version IS NOT NULL) = (state IN ('published', 'change_submitted', 'withdrawn'))), 
	CONSTRAINT uq_catalog_entry_code UNIQUE (code)
)
-- next
CREATE INDEX ix_catalog_entry_provider_code ON catalog_entry (provider, code)
-- next
CREATE INDEX ix_catalog_entry_state_code ON catalog_entry (state, code)
-- next
CREATE TRIGGER catalog_entry_no_update BEFORE UPDATE ON catalog_entry WHEN NEW.id <> OLD.id OR NEW.code <> OLD.code OR NEW.provider <> OLD.provider OR NEW.created_us <> OLD.created_us OR (NEW.state <> OLD.state AND NOT ((OLD.state = 'change_submitted' AND NEW.state = 'published') OR (OLD.state = 'change_submitted' AND NEW.state = 'withdrawn') OR (OLD.state = 'discarded' AND NEW.state = 'draft') OR (OLD.state = 'draft' AND NEW.state = 'discarded') OR (OLD.state = 'draft' AND NEW.state = 'submitted') OR (OLD.state = 'published' AND NEW.state = 'change_submitted') OR (OLD.state = 'published' AND NEW.state = 'withdrawn') OR (OLD.state = 'refused' AND NEW.state = 'discarded') OR (OLD.state = 'refused' AND NEW.state = 'draft') OR (OLD.state = 'submitted' AND NEW.state = 'draft') OR (OLD.state = 'submitted' AND NEW.state = 'published') OR (OLD.state = 'submitted' AND NEW.state = 'refused') OR (OLD.state = 'withdrawn' AND NEW.state = 'change_submitted'))) OR (OLD.version IS NOT NULL AND (NEW.version IS NULL OR NEW.version < OLD.version)) OR NEW.changed_index < OLD.changed_index BEGIN SELECT RAISE(ABORT, 'catalog_entry does not change so'); END
-- next
CREATE TRIGGER catalog_entry_no_delete BEFORE DELETE ON catalog_entry BEGIN SELECT RAISE(ABORT, 'catalog_entry does not change so'); END
-- next
CREATE TRIGGER catalog_entry_no_replace_id BEFORE INSERT ON catalog_entry WHEN EXISTS (SELECT 1 FROM catalog_entry WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'catalog_entry does not change so'); END
-- next
CREATE TRIGGER catalog_entry_no_replace_code BEFORE INSERT ON catalog_entry WHEN EXISTS (SELECT 1 FROM catalog_entry WHERE code = NEW.code) BEGIN SELECT RAISE(ABORT, 'catalog_entry does not change so'); END
-- next
CREATE TABLE delegation (
	id VARCHAR(64) NOT NULL, 
	delegator VARCHAR(64) NOT NULL, 
	delegate VARCHAR(64) NOT NULL, 
	effect VARCHAR(5) NOT NULL, 
	powers TEXT NOT NULL, 
	datasets TEXT NOT NULL, 
	valid_from_us BIGINT NOT NULL, 
	valid_until_us BIGINT NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	proposed_by VARCHAR(64) NOT NULL, 
	proposed_us BIGINT NOT NULL, 
	confirmed_by VARCHAR(64), 
	ended_by VARCHAR(64), 
	changed_us BIGINT NOT NULL, 
	CONSTRAINT pk_delegation PRIMARY KEY (id), 
	CONSTRAINT ck_delegation_state CHECK (state IN ('proposed', 'active', 'ended')), 
	CONSTRAINT ck_delegation_effect CHECK (effect IN ('allow', 'deny')), 
	CONSTRAINT ck_delegation_window CHECK (valid_from_us < valid_until_us), 
	CONSTRAINT ck_delegation_two_authorities CHECK (delegator <> delegate), 
	CONSTRAINT ck_delegation_two_people CHECK (confirmed_by IS NULL OR confirmed_by <> proposed_by), 
	CONSTRAINT ck_delegation_confirmed CHECK (effect <> 'allow' OR state <> 'active' OR confirmed_by IS NOT NULL), 
	CONSTRAINT fk_delegation_delegator_organisation FOREIGN KEY(delegator) REFERENCES organisation (id), 
	CONSTRAINT fk_delegation_delegate_organisation FOREIGN KEY(delegate) REFERENCES organisation (id), 
	CONSTRAINT fk_delegation_proposed_by_person FOREIGN KEY(proposed_by) REFERENCES person (id), 
	CONSTRAINT fk_delegation_confirmed_by_person FOREIGN KEY(confirmed_by) REFERENCES person (id), 
	CONSTRAINT fk_delegation_ended_by_person FOREIGN KEY(ended_by) REFERENCES person (id)
)
-- next
CREATE TRIGGER delegation_no_update BEFORE UPDATE ON delegation WHEN NEW.id <> OLD.id OR NEW.delegator <> OLD.delegator OR NEW.delegate <> OLD.delegate OR NEW.effect <> OLD.effect OR NEW.powers <> OLD.powers OR NEW.datasets <> OLD.datasets OR NEW.valid_from_us <> OLD.valid_from_us OR NEW.valid_until_us <> OLD.valid_until_us OR NEW.proposed_by <> OLD.proposed_by OR (OLD.state = 'ended' AND NEW.state <> OLD.state) BEGIN SELECT RAISE(ABORT, 'delegation does not change so'); END
-- next
CREATE TRIGGER delegation_no_delete BEFORE DELETE ON delegation BEGIN SELECT RAISE(ABORT, 'delegation does not change so'); END
-- next
CREATE TRIGGER delegation_insert_is_counted AFTER INSERT ON delegation
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 0, 0, 1) ON CONFLICT (id) DO UPDATE SET delegations = policy_version.delegations + 1; END
-- next
CREATE TRIGGER delegation_update_is_counted AFTER UPDATE ON delegation
    BEGIN INSERT INTO policy_version (id, licences, people, delegations) VALUES (1, 0, 0, 1) ON CONFLICT (id) DO UPDATE SET delegations = policy_version.delegations + 1; END
-- next
CREATE TABLE share_request (
	id VARCHAR(64) NOT NULL, 
	entry VARCHAR(64) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	requester VARCHAR(64) NOT NULL, 
	drafted_by VARCHAR(64) NOT NULL, 
	drafted_us BIGINT NOT NULL, 
	document TEXT NOT NULL, 
	document_digest VARCHAR(80) NOT NULL, 
	signed_by VARCHAR(64), 
	demand VARCHAR(64) DEFAULT '' NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	conditional INTEGER DEFAULT '0' NOT NULL, 
	case_number VARCHAR(64) DEFAULT '' NOT NULL, 
	matter VARCHAR(64) DEFAULT '' NOT NULL, 
	submitted_us BIGINT, 
	decided_by VARCHAR(64), 
	decided_us BIGINT, 
	decision TEXT DEFAULT '{}' NOT NULL, 
	granted TEXT DEFAULT '{}' NOT NULL, 
	until_us BIGINT, 
	supplied_us BIGINT, 
	note TEXT DEFAULT '' NOT NULL, 
	suspended_as VARCHAR(16) DEFAULT '' NOT NULL, 
	changed_us BIGINT NOT NULL, 
	CONSTRAINT pk_share_request PRIMARY KEY (id), 
	CONSTRAINT ck_share_request_two_departments CHECK (requester <> provider), 
	CONSTRAINT ck_share_request_another_signs CHECK (signed_by IS NULL OR signed_by <> drafted_by), 
	CONSTRAINT ck_share_request_another_decides CHECK (decided_by IS NULL OR (decided_by <> drafted_by AND decided_by <> signed_by)), 
	CONSTRAINT ck_share_request_head CHECK (state = 'draft' OR signed_by IS NOT NULL OR state = 'withdrawn'), 
	CONSTRAINT ck_share_request_suspended_as CHECK (suspended_as IN ('', 'provider', 'authority')), 
	CONSTRAINT ck_share_request_suspended_by_one CHECK (state NOT IN ('suspended', 'rectifying') OR suspended_as <> ''), 
	CONSTRAINT fk_share_request_provider_organisation FOREIGN KEY(provider) REFERENCES organisation (id), 
	CONSTRAINT fk_share_request_requester_organisation FOREIGN KEY(requester) REFERENCES organisation (id), 
	CONSTRAINT fk_share_request_drafted_by_person FOREIGN KEY(drafted_by) REFERENCES person (id), 
	CONSTRAINT fk_share_request_signed_by_person FOREIGN KEY(signed_by) REFERENCES person (id), 
	CONSTRAINT fk_share_request_decided_by_person FOREIGN KEY(decided_by) REFERENCES person (id)
)
-- next
CREATE INDEX ix_share_request_case_number ON share_request (case_number)
-- next
CREATE INDEX ix_share_request_drafted ON share_request (drafted_by, drafted_us)
-- next
CREATE INDEX ix_share_request_provider ON share_request (provider)
-- next
CREATE INDEX ix_share_request_requester ON share_request (requester)
-- next
CREATE INDEX ix_share_request_state ON share_request (state)
-- next
CREATE TRIGGER share_request_no_update BEFORE UPDATE ON share_request WHEN NEW.id <> OLD.id OR NEW.entry <> OLD.entry OR NEW.provider <> OLD.provider OR NEW.requester <> OLD.requester OR NEW.drafted_by <> OLD.drafted_by OR NEW.drafted_us <> OLD.drafted_us OR NEW.demand <> OLD.demand OR (OLD.decided_by IS NOT NULL AND NEW.document <> OLD.document) OR (OLD.decided_by IS NOT NULL AND NEW.document_digest <> OLD.document_digest) OR (OLD.decided_by IS NOT NULL AND NEW.signed_by <> OLD.signed_by) OR (OLD.decided_by IS NOT NULL AND NEW.decided_by <> OLD.decided_by) OR (OLD.decided_by IS NOT NULL AND NEW.decision <> OLD.decision) OR (OLD.decided_by IS NOT NULL AND NEW.until_us <> OLD.until_us) OR (OLD.case_number <> '' AND NEW.case_number <> OLD.case_number) OR (OLD.state IN ('refused', 'withdrawn', 'disposed') AND NEW.state <> OLD.state) OR (OLD.state <> 'draft' AND NEW.state = 'draft') OR (OLD.suspended_as = 'authority' AND NEW.suspended_as <> 'authority' AND NOT (OLD.state = 'rectifying' AND NEW.state = 'in_use')) BEGIN SELECT RAISE(ABORT, 'share_request does not change so'); END
-- next
CREATE TRIGGER share_request_no_delete BEFORE DELETE ON share_request BEGIN SELECT RAISE(ABORT, 'share_request does not change so'); END
-- next
CREATE TABLE demand (
	id VARCHAR(64) NOT NULL, 
	case_number VARCHAR(64) NOT NULL, 
	matter VARCHAR(64) NOT NULL, 
	requester VARCHAR(64) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	document TEXT NOT NULL, 
	document_digest VARCHAR(80) NOT NULL, 
	candidates TEXT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	outcome VARCHAR(24) DEFAULT '' NOT NULL, 
	found VARCHAR(100) DEFAULT '' NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	decided_by VARCHAR(64), 
	stated_us BIGINT NOT NULL, 
	changed_us BIGINT NOT NULL, 
	CONSTRAINT pk_demand PRIMARY KEY (id), 
	CONSTRAINT ck_demand_state CHECK (state IN ('open', 'matched', 'refused', 'withdrawn')), 
	CONSTRAINT ck_demand_another_decides CHECK (decided_by IS NULL OR decided_by <> person), 
	CONSTRAINT fk_demand_requester_organisation FOREIGN KEY(requester) REFERENCES organisation (id), 
	CONSTRAINT fk_demand_person_person FOREIGN KEY(person) REFERENCES person (id), 
	CONSTRAINT fk_demand_decided_by_person FOREIGN KEY(decided_by) REFERENCES person (id)
)
-- next
CREATE INDEX ix_demand_person ON demand (person, stated_us)
-- next
CREATE INDEX ix_demand_requester ON demand (requester)
-- next
CREATE INDEX ix_demand_state ON demand (state)
-- next
CREATE TRIGGER demand_no_update BEFORE UPDATE ON demand WHEN OLD.state <> 'open' OR NEW.id <> OLD.id OR NEW.requester <> OLD.requester OR NEW.document <> OLD.document OR NEW.case_number <> OLD.case_number BEGIN SELECT RAISE(ABORT, 'demand does not change so'); END
-- next
CREATE TRIGGER demand_no_delete BEFORE DELETE ON demand BEGIN SELECT RAISE(ABORT, 'demand does not change so'); END
-- next
CREATE TABLE responsibility (
	id VARCHAR(64) NOT NULL, 
	entry VARCHAR(64) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	user VARCHAR(64) NOT NULL, 
	keeper VARCHAR(64) NOT NULL, 
	demand VARCHAR(64) DEFAULT '' NOT NULL, 
	duties TEXT NOT NULL, 
	assigned_by VARCHAR(64) NOT NULL, 
	made_us BIGINT NOT NULL, 
	CONSTRAINT pk_responsibility PRIMARY KEY (id), 
	CONSTRAINT fk_responsibility_provider_organisation FOREIGN KEY(provider) REFERENCES organisation (id), 
	CONSTRAINT fk_responsibility_user_organisation FOREIGN KEY(user) REFERENCES organisation (id), 
	CONSTRAINT fk_responsibility_keeper_organisation FOREIGN KEY(keeper) REFERENCES organisation (id), 
	CONSTRAINT fk_responsibility_assigned_by_person FOREIGN KEY(assigned_by) REFERENCES person (id)
)
-- next
CREATE INDEX ix_responsibility_entry ON responsibility (entry)
-- next
CREATE INDEX ix_responsibility_provider ON responsibility (provider)
-- next
CREATE INDEX ix_responsibility_user ON responsibility (user)
-- next
CREATE TRIGGER responsibility_no_update BEFORE UPDATE ON responsibility BEGIN SELECT RAISE(ABORT, 'responsibility does not change so'); END
-- next
CREATE TRIGGER responsibility_no_delete BEFORE DELETE ON responsibility BEGIN SELECT RAISE(ABORT, 'responsibility does not change so'); END
-- next
CREATE TABLE hall_seat (
	id VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	opened_by VARCHAR(64) NOT NULL, 
	opened_us BIGINT NOT NULL, 
	CONSTRAINT pk_hall_seat PRIMARY KEY (id), 
	CONSTRAINT uq_hall_seat_organisation UNIQUE (organisation), 
	CONSTRAINT fk_hall_seat_organisation_organisation FOREIGN KEY(organisation) REFERENCES organisation (id), 
	CONSTRAINT fk_hall_seat_opened_by_person FOREIGN KEY(opened_by) REFERENCES person (id)
)
-- next
CREATE TRIGGER hall_seat_no_update BEFORE UPDATE ON hall_seat BEGIN SELECT RAISE(ABORT, 'hall_seat does not change so'); END
-- next
CREATE TRIGGER hall_seat_no_delete BEFORE DELETE ON hall_seat BEGIN SELECT RAISE(ABORT, 'hall_seat does not change so'); END
-- next
CREATE TABLE catalog_import_row (
	import_id VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	document TEXT, 
	cells TEXT, 
	faults TEXT, 
	CONSTRAINT pk_catalog_import_row PRIMARY KEY (import_id, number), 
	CONSTRAINT fk_catalog_import_row_import_id_catalog_import FOREIGN KEY(import_id) REFERENCES catalog_import (id)
)
-- next
CREATE TRIGGER catalog_import_row_no_update BEFORE UPDATE ON catalog_import_row BEGIN SELECT RAISE(ABORT, 'catalog_import_row does not change so'); END
-- next
CREATE TRIGGER catalog_import_row_no_delete BEFORE DELETE ON catalog_import_row BEGIN SELECT RAISE(ABORT, 'catalog_import_row does not change so'); END
-- next
CREATE TABLE catalog_import_taken (
	import_id VARCHAR(64) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	taken_us BIGINT NOT NULL, 
	taken_index BIGINT NOT NULL, 
	counts TEXT NOT NULL, 
	CONSTRAINT pk_catalog_import_taken PRIMARY KEY (import_id), 
	CONSTRAINT fk_catalog_import_taken_import_id_catalog_import FOREIGN KEY(import_id) REFERENCES catalog_import (id)
)
-- next
CREATE TRIGGER catalog_import_taken_no_update BEFORE UPDATE ON catalog_import_taken BEGIN SELECT RAISE(ABORT, 'catalog_import_taken does not change so'); END
-- next
CREATE TRIGGER catalog_import_taken_no_delete BEFORE DELETE ON catalog_import_taken BEGIN SELECT RAISE(ABORT, 'catalog_import_taken does not change so'); END
-- next
CREATE TABLE matter (
	id VARCHAR(64) NOT NULL, 
	"case" VARCHAR(32) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	counter VARCHAR(16) NOT NULL, 
	subject VARCHAR(100) NOT NULL, 
	title TEXT NOT NULL, 
	applicant VARCHAR(64) NOT NULL, 
	applicant_person VARCHAR(64) NOT NULL, 
	handler VARCHAR(64) NOT NULL, 
	handler_roles VARCHAR(400) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	due_us BIGINT NOT NULL, 
	due_on VARCHAR(10), 
	due TEXT, 
	provisional BOOLEAN NOT NULL, 
	opened_us BIGINT NOT NULL, 
	opened_entry BIGINT NOT NULL, 
	started_us BIGINT NOT NULL, 
	missing TEXT NOT NULL, 
	noticed_us BIGINT, 
	extended_days INTEGER NOT NULL, 
	extension_asked INTEGER NOT NULL, 
	extension_asked_by VARCHAR(64), 
	extension_asked_us BIGINT, 
	extension_reason TEXT NOT NULL, 
	missed INTEGER NOT NULL, 
	reminded INTEGER NOT NULL, 
	escalated INTEGER NOT NULL, 
	outcome VARCHAR(40), 
	reason TEXT NOT NULL, 
	concluded_us BIGINT, 
	in_time BOOLEAN, 
	CONSTRAINT pk_matter PRIMARY KEY (id), 
	CONSTRAINT ck_matter_state CHECK (state IN ('open', 'waiting', 'concluded', 'withdrawn')), 
	CONSTRAINT ck_matter_decided CHECK ((state = 'concluded') = (outcome IS NOT NULL)), 
	CONSTRAINT ck_matter_due CHECK ((due IS NULL) = (due_on IS NULL)), 
	CONSTRAINT ck_matter_counted CHECK (missed >= 0 AND extended_days >= 0), 
	CONSTRAINT fk_matter_case_matter_case FOREIGN KEY("case") REFERENCES matter_case (number)
)
-- next
CREATE INDEX ix_matter_applicant ON matter (applicant, opened_entry)
-- next
CREATE INDEX ix_matter_case ON matter ("case")
-- next
CREATE INDEX ix_matter_handled ON matter (handler, opened_entry)
-- next
CREATE INDEX ix_matter_handler ON matter (handler, state, due_us)
-- next
CREATE INDEX ix_matter_opened ON matter (opened_entry)
-- next
CREATE INDEX ix_matter_provisional ON matter (provisional)
-- next
CREATE INDEX ix_matter_state ON matter (state, due_us)
-- next
CREATE INDEX ix_matter_subject ON matter (subject)
-- next
CREATE TRIGGER matter_no_update BEFORE UPDATE ON matter WHEN OLD.state IN ('concluded', 'withdrawn') OR NEW.id <> OLD.id OR NEW.subject <> OLD.subject OR NEW.opened_us <> OLD.opened_us OR NEW.missed < OLD.missed BEGIN SELECT RAISE(ABORT, 'matter does not change so'); END
-- next
CREATE TRIGGER matter_no_delete BEFORE DELETE ON matter BEGIN SELECT RAISE(ABORT, 'matter does not change so'); END
-- next
CREATE TABLE release_draft_file (
	id VARCHAR(80) NOT NULL, 
	request VARCHAR(80) NOT NULL, 
	revision INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	draft TEXT NOT NULL, 
	entry_index BIGINT NOT NULL, 
	CONSTRAINT pk_release_draft_file PRIMARY KEY (id), 
	CONSTRAINT fk_release_draft_file_request_release_request FOREIGN KEY(request) REFERENCES release_request (id)
)
-- next
CREATE INDEX ix_release_draft_file_request ON release_draft_file (request)
-- next
CREATE TRIGGER release_draft_file_no_update BEFORE UPDATE ON release_draft_file BEGIN SELECT RAISE(ABORT, 'release_draft_file does not change so'); END
-- next
CREATE TRIGGER release_draft_file_no_delete BEFORE DELETE ON release_draft_file BEGIN SELECT RAISE(ABORT, 'release_draft_file does not change so'); END
-- next
CREATE TABLE release_file (
	request VARCHAR(80) NOT NULL, 
	revision INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	format VARCHAR(16) NOT NULL, 
	source VARCHAR(16) NOT NULL, 
	draft_digest VARCHAR(80) NOT NULL, 
	draft TEXT NOT NULL, 
	content_digest VARCHAR(80) NOT NULL, 
	content_bytes BIGINT NOT NULL, 
	reproducible INTEGER NOT NULL, 
	answers TEXT DEFAULT '[]' NOT NULL, 
	entries TEXT DEFAULT '[]' NOT NULL, 
	asked VARCHAR(80) DEFAULT '' NOT NULL, 
	sources TEXT DEFAULT '{}' NOT NULL, 
	tools TEXT DEFAULT '{}' NOT NULL, 
	CONSTRAINT pk_release_file PRIMARY KEY (request, revision, position), 
	CONSTRAINT ck_release_file_reproducible CHECK (reproducible IN (0, 1)), 
	CONSTRAINT fk_release_file_request_release_request FOREIGN KEY(request) REFERENCES release_request (id)
)
-- next
CREATE INDEX ix_release_file_draft_digest ON release_file (draft_digest)
-- next
CREATE TRIGGER release_file_no_update BEFORE UPDATE ON release_file BEGIN SELECT RAISE(ABORT, 'release_file does not change so'); END
-- next
CREATE TRIGGER release_file_no_delete BEFORE DELETE ON release_file BEGIN SELECT RAISE(ABORT, 'release_file does not change so'); END
-- next
CREATE TABLE release_vote (
	id VARCHAR(80) NOT NULL, 
	request VARCHAR(80) NOT NULL, 
	revision INTEGER NOT NULL, 
	person VARCHAR(80) NOT NULL, 
	organisation VARCHAR(80) NOT NULL, 
	decision VARCHAR(16) NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	content_digest VARCHAR(80) NOT NULL, 
	entry_index BIGINT NOT NULL, 
	voted_us BIGINT NOT NULL, 
	CONSTRAINT pk_release_vote PRIMARY KEY (id), 
	CONSTRAINT uq_release_vote_request_person UNIQUE (request, revision, person), 
	CONSTRAINT ck_release_vote_decision CHECK (decision IN ('approve', 'return', 'refuse')), 
	CONSTRAINT fk_release_vote_request_release_request FOREIGN KEY(request) REFERENCES release_request (id)
)
-- next
CREATE INDEX ix_release_vote_request ON release_vote (request)
-- next
CREATE TRIGGER release_vote_no_update BEFORE UPDATE ON release_vote BEGIN SELECT RAISE(ABORT, 'release_vote does not change so'); END
-- next
CREATE TRIGGER release_vote_no_delete BEFORE DELETE ON release_vote BEGIN SELECT RAISE(ABORT, 'release_vote does not change so'); END
-- next
CREATE TABLE release_exception (
	id VARCHAR(80) NOT NULL, 
	request VARCHAR(80) NOT NULL, 
	revision INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	checked VARCHAR(60) NOT NULL, 
	person VARCHAR(80) NOT NULL, 
	organisation VARCHAR(80) NOT NULL, 
	reason TEXT NOT NULL, 
	entry_index BIGINT NOT NULL, 
	granted_us BIGINT NOT NULL, 
	CONSTRAINT pk_release_exception PRIMARY KEY (id), 
	CONSTRAINT uq_release_exception UNIQUE (request, revision, name, checked), 
	CONSTRAINT ck_release_exception_reason CHECK (reason <> ''), 
	CONSTRAINT fk_release_exception_request_release_request FOREIGN KEY(request) REFERENCES release_request (id)
)
-- next
CREATE INDEX ix_release_exception_request ON release_exception (request)
-- next
CREATE TRIGGER release_exception_no_update BEFORE UPDATE ON release_exception BEGIN SELECT RAISE(ABORT, 'release_exception does not change so'); END
-- next
CREATE TRIGGER release_exception_no_delete BEFORE DELETE ON release_exception BEGIN SELECT RAISE(ABORT, 'release_exception does not change so'); END
-- next
CREATE TABLE release_comment (
	id VARCHAR(80) NOT NULL, 
	request VARCHAR(80) NOT NULL, 
	revision INTEGER NOT NULL, 
	person VARCHAR(80) NOT NULL, 
	organisation VARCHAR(80) NOT NULL, 
	comment TEXT NOT NULL, 
	entry_index BIGINT NOT NULL, 
	written_us BIGINT NOT NULL, 
	CONSTRAINT pk_release_comment PRIMARY KEY (id), 
	CONSTRAINT fk_release_comment_request_release_request FOREIGN KEY(request) REFERENCES release_request (id)
)
-- next
CREATE INDEX ix_release_comment_request ON release_comment (request)
-- next
CREATE TRIGGER release_comment_no_update BEFORE UPDATE ON release_comment BEGIN SELECT RAISE(ABORT, 'release_comment does not change so'); END
-- next
CREATE TRIGGER release_comment_no_delete BEFORE DELETE ON release_comment BEGIN SELECT RAISE(ABORT, 'release_comment does not change so'); END
-- next
CREATE TABLE release_content (
	request VARCHAR(80) NOT NULL, 
	position INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	format VARCHAR(16) NOT NULL, 
	content BLOB NOT NULL, 
	content_digest VARCHAR(80) NOT NULL, 
	CONSTRAINT pk_release_content PRIMARY KEY (request, position), 
	CONSTRAINT fk_release_content_request_release_request FOREIGN KEY(request) REFERENCES release_request (id)
)
-- next
CREATE TRIGGER release_content_no_update BEFORE UPDATE ON release_content BEGIN SELECT RAISE(ABORT, 'release_content does not change so'); END
-- next
CREATE TRIGGER release_content_no_delete BEFORE DELETE ON release_content BEGIN SELECT RAISE(ABORT, 'release_content does not change so'); END
-- next
CREATE TABLE release_copy (
	id VARCHAR(80) NOT NULL, 
	request VARCHAR(80) NOT NULL, 
	person VARCHAR(80) NOT NULL, 
	organisation VARCHAR(80) NOT NULL, 
	mark BLOB NOT NULL, 
	document TEXT NOT NULL, 
	entry_index BIGINT NOT NULL, 
	made_us BIGINT NOT NULL, 
	CONSTRAINT pk_release_copy PRIMARY KEY (id), 
	CONSTRAINT fk_release_copy_request_release_request FOREIGN KEY(request) REFERENCES release_request (id)
)
-- next
CREATE INDEX ix_release_copy_request ON release_copy (request)
-- next
CREATE TRIGGER release_copy_no_update BEFORE UPDATE ON release_copy BEGIN SELECT RAISE(ABORT, 'release_copy does not change so'); END
-- next
CREATE TRIGGER release_copy_no_delete BEFORE DELETE ON release_copy BEGIN SELECT RAISE(ABORT, 'release_copy does not change so'); END
-- next
CREATE TABLE release_recall (
	number INTEGER NOT NULL, 
	request VARCHAR(80) NOT NULL, 
	person VARCHAR(80) NOT NULL, 
	reason TEXT NOT NULL, 
	document TEXT NOT NULL, 
	entry_index BIGINT NOT NULL, 
	recalled_us BIGINT NOT NULL, 
	CONSTRAINT pk_release_recall PRIMARY KEY (number), 
	CONSTRAINT ck_release_recall_reason CHECK (reason <> ''), 
	CONSTRAINT uq_release_recall_request UNIQUE (request), 
	CONSTRAINT fk_release_recall_request_release_request FOREIGN KEY(request) REFERENCES release_request (id)
)
-- next
CREATE TRIGGER release_recall_no_update BEFORE UPDATE ON release_recall BEGIN SELECT RAISE(ABORT, 'release_recall does not change so'); END
-- next
CREATE TRIGGER release_recall_no_delete BEFORE DELETE ON release_recall BEGIN SELECT RAISE(ABORT, 'release_recall does not change so'); END
-- next
CREATE TABLE released_figure (
	id VARCHAR(120) NOT NULL, 
	table_id VARCHAR(80) NOT NULL, 
	population VARCHAR(80) NOT NULL, 
	comparable VARCHAR(120) NOT NULL, 
	cell TEXT NOT NULL, 
	contributors BIGINT NOT NULL, 
	sketch BLOB NOT NULL, 
	CONSTRAINT pk_released_figure PRIMARY KEY (id), 
	CONSTRAINT fk_released_figure_table_id_released_table FOREIGN KEY(table_id) REFERENCES released_table (id)
)
-- next
CREATE INDEX ix_released_figure_near ON released_figure (population, comparable, contributors)
-- next
CREATE INDEX ix_released_figure_table_id ON released_figure (table_id)
-- next
CREATE TRIGGER released_figure_no_update BEFORE UPDATE ON released_figure BEGIN SELECT RAISE(ABORT, 'released_figure does not change so'); END
-- next
CREATE TRIGGER released_figure_no_delete BEFORE DELETE ON released_figure BEGIN SELECT RAISE(ABORT, 'released_figure does not change so'); END
-- next
CREATE TABLE released_cells (
	table_id VARCHAR(80) NOT NULL, 
	box BLOB NOT NULL, 
	CONSTRAINT pk_released_cells PRIMARY KEY (table_id), 
	CONSTRAINT fk_released_cells_table_id_released_table FOREIGN KEY(table_id) REFERENCES released_table (id)
)
-- next
CREATE TRIGGER released_cells_no_update BEFORE UPDATE ON released_cells BEGIN SELECT RAISE(ABORT, 'released_cells does not change so'); END
-- next
CREATE TRIGGER released_cells_no_delete BEFORE DELETE ON released_cells BEGIN SELECT RAISE(ABORT, 'released_cells does not change so'); END
-- next
CREATE TABLE charge_level (
	charge VARCHAR(80) NOT NULL, 
	node VARCHAR(400) NOT NULL, 
	nano_rho BIGINT NOT NULL, 
	delta_steps BIGINT NOT NULL, 
	charged_us BIGINT NOT NULL, 
	CONSTRAINT pk_charge_level PRIMARY KEY (charge, node), 
	CONSTRAINT ck_charge_level_not_negative CHECK (nano_rho >= 0 AND delta_steps >= 0), 
	CONSTRAINT fk_charge_level_charge_charge FOREIGN KEY(charge) REFERENCES charge (id), 
	CONSTRAINT fk_charge_level_node_budget_node FOREIGN KEY(node) REFERENCES budget_node (id)
)
-- next
CREATE INDEX ix_charge_level_node_time ON charge_level (node, charged_us)
-- next
CREATE TRIGGER charge_level_no_update BEFORE UPDATE ON charge_level BEGIN SELECT RAISE(ABORT, 'charge_level does not change so'); END
-- next
CREATE TRIGGER charge_level_no_delete BEFORE DELETE ON charge_level BEGIN SELECT RAISE(ABORT, 'charge_level does not change so'); END
-- next
CREATE TABLE budget_correction (
	entry_index BIGINT NOT NULL, 
	node VARCHAR(400) NOT NULL, 
	nano_rho BIGINT NOT NULL, 
	delta_steps BIGINT NOT NULL, 
	CONSTRAINT pk_budget_correction PRIMARY KEY (entry_index, node), 
	CONSTRAINT fk_budget_correction_node_budget_node FOREIGN KEY(node) REFERENCES budget_node (id)
)
-- next
CREATE TRIGGER budget_correction_no_update BEFORE UPDATE ON budget_correction BEGIN SELECT RAISE(ABORT, 'budget_correction does not change so'); END
-- next
CREATE TRIGGER budget_correction_no_delete BEFORE DELETE ON budget_correction BEGIN SELECT RAISE(ABORT, 'budget_correction does not change so'); END
-- next
CREATE TABLE budget_confirmation (
	proposal VARCHAR(80) NOT NULL, 
	confirmed_by VARCHAR(64) NOT NULL, 
	confirmed_index BIGINT NOT NULL, 
	confirmed_us BIGINT NOT NULL, 
	CONSTRAINT pk_budget_confirmation PRIMARY KEY (proposal), 
	CONSTRAINT fk_budget_confirmation_proposal_budget_proposal FOREIGN KEY(proposal) REFERENCES budget_proposal (id)
)
-- next
CREATE TRIGGER budget_confirmation_no_update BEFORE UPDATE ON budget_confirmation BEGIN SELECT RAISE(ABORT, 'budget_confirmation does not change so'); END
-- next
CREATE TRIGGER budget_confirmation_no_delete BEFORE DELETE ON budget_confirmation BEGIN SELECT RAISE(ABORT, 'budget_confirmation does not change so'); END
-- next
CREATE TABLE period (
	id VARCHAR(40) NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	opened_index BIGINT NOT NULL, 
	opened_us BIGINT NOT NULL, 
	closed_index BIGINT, 
	closed_us BIGINT, 
	CONSTRAINT pk_period PRIMARY KEY (id), 
	CONSTRAINT ck_period_state CHECK (state IN ('open', 'closed')), 
	CONSTRAINT ck_period_closed CHECK ((state = 'closed') = (closed_index IS NOT NULL AND closed_us IS NOT NULL)), 
	CONSTRAINT ck_period_order CHECK (closed_index > opened_index), 
	CONSTRAINT fk_period_opened_index_entry FOREIGN KEY(opened_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_period_closed_index_entry FOREIGN KEY(closed_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE UNIQUE INDEX uq_period_open ON period (state) WHERE state = 'open'
-- next
CREATE TRIGGER period_one_open BEFORE INSERT ON period WHEN NEW.state <> 'open' OR EXISTS (SELECT 1 FROM period WHERE id = NEW.id OR state = 'open') BEGIN SELECT RAISE(ABORT, 'period cannot be opened'); END
-- next
CREATE TRIGGER period_final BEFORE UPDATE ON period WHEN OLD.state = 'closed' OR NEW.state <> 'closed' OR NEW.id <> OLD.id OR NEW.opened_index <> OLD.opened_index OR NEW.opened_us <> OLD.opened_us BEGIN SELECT RAISE(ABORT, 'period may only be closed, once'); END
-- next
CREATE TRIGGER period_no_delete BEFORE DELETE ON period BEGIN SELECT RAISE(ABORT, 'period is final'); END
-- next
CREATE TABLE scheme_version (
	licence VARCHAR(200) NOT NULL, 
	digest VARCHAR(80) NOT NULL, 
	version VARCHAR(60) NOT NULL, 
	proposed_by VARCHAR(200) NOT NULL, 
	proposed_index BIGINT NOT NULL, 
	proposed_us BIGINT NOT NULL, 
	CONSTRAINT pk_scheme_version PRIMARY KEY (licence, digest), 
	CONSTRAINT uq_scheme_version UNIQUE (licence, version), 
	CONSTRAINT fk_scheme_version_digest_scheme_document FOREIGN KEY(digest) REFERENCES scheme_document (digest), 
	CONSTRAINT fk_scheme_version_proposed_index_entry FOREIGN KEY(proposed_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER scheme_version_no_update BEFORE UPDATE ON scheme_version BEGIN SELECT RAISE(ABORT, 'scheme_version does not change so'); END
-- next
CREATE TRIGGER scheme_version_no_delete BEFORE DELETE ON scheme_version BEGIN SELECT RAISE(ABORT, 'scheme_version does not change so'); END
-- next
CREATE TRIGGER scheme_version_no_replace_licence_digest BEFORE INSERT ON scheme_version WHEN EXISTS (SELECT 1 FROM scheme_version WHERE licence = NEW.licence AND digest = NEW.digest) BEGIN SELECT RAISE(ABORT, 'scheme_version does not change so'); END
-- next
CREATE TRIGGER scheme_version_no_replace_licence_version BEFORE INSERT ON scheme_version WHEN EXISTS (SELECT 1 FROM scheme_version WHERE licence = NEW.licence AND version = NEW.version) BEGIN SELECT RAISE(ABORT, 'scheme_version does not change so'); END
-- next
CREATE TABLE scheme_approval (
	licence VARCHAR(200) NOT NULL, 
	digest VARCHAR(80) NOT NULL, 
	approved_by VARCHAR(200) NOT NULL, 
	approved_index BIGINT NOT NULL, 
	approved_us BIGINT NOT NULL, 
	CONSTRAINT pk_scheme_approval PRIMARY KEY (licence, digest), 
	CONSTRAINT fk_scheme_approval_approved_index_entry FOREIGN KEY(approved_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_scheme_approval ON scheme_approval (licence, approved_index)
-- next
CREATE TRIGGER scheme_approval_no_update BEFORE UPDATE ON scheme_approval BEGIN SELECT RAISE(ABORT, 'scheme_approval does not change so'); END
-- next
CREATE TRIGGER scheme_approval_no_delete BEFORE DELETE ON scheme_approval BEGIN SELECT RAISE(ABORT, 'scheme_approval does not change so'); END
-- next
CREATE TRIGGER scheme_approval_no_replace_licence_digest BEFORE INSERT ON scheme_approval WHEN EXISTS (SELECT 1 FROM scheme_approval WHERE licence = NEW.licence AND digest = NEW.digest) BEGIN SELECT RAISE(ABORT, 'scheme_approval does not change so'); END
-- next
CREATE TABLE usage (
	audit_index BIGINT NOT NULL, 
	source_index BIGINT NOT NULL, 
	meter VARCHAR(20) NOT NULL, 
	quantity BIGINT NOT NULL, 
	units_before BIGINT NOT NULL, 
	licence VARCHAR(200) NOT NULL, 
	product VARCHAR(200) NOT NULL, 
	buyer VARCHAR(200) NOT NULL, 
	payer VARCHAR(200) NOT NULL, 
	biller VARCHAR(200) NOT NULL, 
	price_class VARCHAR(40) NOT NULL, 
	prepaid INTEGER NOT NULL, 
	tariff_digest VARCHAR(80) NOT NULL, 
	rule_digest VARCHAR(80) NOT NULL, 
	gross_micro_fen BIGINT NOT NULL, 
	time_us BIGINT NOT NULL, 
	CONSTRAINT pk_usage PRIMARY KEY (audit_index, source_index, meter), 
	CONSTRAINT ck_usage_meter CHECK (meter IN ('fetch', 'call', 'repeat', 'verification', 'row', 'release', 'session_hour', 'nano_rho')), 
	CONSTRAINT ck_usage_quantity CHECK (quantity > 0 AND units_before >= 0), 
	CONSTRAINT ck_usage_source CHECK (source_index <= audit_index), 
	CONSTRAINT ck_usage_prepaid CHECK (prepaid IN (0, 1)), 
	CONSTRAINT ck_usage_gross CHECK (gross_micro_fen BETWEEN 0 AND 1000000000000000000), 
	CONSTRAINT uq_usage_outcome UNIQUE (source_index, meter, licence), 
	CONSTRAINT fk_usage_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_usage_source_index_entry FOREIGN KEY(source_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_usage_rule_digest_settlement_rule FOREIGN KEY(rule_digest) REFERENCES settlement_rule (digest)
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_usage_licence ON usage (licence, meter, audit_index, source_index)
-- next
CREATE INDEX ix_usage_payer ON usage (payer, audit_index, prepaid, gross_micro_fen)
-- next
CREATE TRIGGER usage_no_update BEFORE UPDATE ON usage BEGIN SELECT RAISE(ABORT, 'usage does not change so'); END
-- next
CREATE TRIGGER usage_no_delete BEFORE DELETE ON usage BEGIN SELECT RAISE(ABORT, 'usage does not change so'); END
-- next
CREATE TRIGGER usage_no_replace_audit_index_source_index_meter BEFORE INSERT ON usage WHEN EXISTS (SELECT 1 FROM usage WHERE audit_index = NEW.audit_index AND source_index = NEW.source_index AND meter = NEW.meter) BEGIN SELECT RAISE(ABORT, 'usage does not change so'); END
-- next
CREATE TRIGGER usage_no_replace_source_index_meter_licence BEFORE INSERT ON usage WHEN EXISTS (SELECT 1 FROM usage WHERE source_index = NEW.source_index AND meter = NEW.meter AND licence = NEW.licence) BEGIN SELECT RAISE(ABORT, 'usage does not change so'); END
-- next
CREATE TRIGGER usage_whole_quantity BEFORE INSERT ON usage WHEN typeof(NEW.quantity) <> 'integer' BEGIN SELECT RAISE(ABORT, 'quantity is a whole number'); END
-- next
CREATE TRIGGER usage_whole_gross_micro_fen BEFORE INSERT ON usage WHEN typeof(NEW.gross_micro_fen) <> 'integer' BEGIN SELECT RAISE(ABORT, 'gross_micro_fen is a whole number'); END
-- next
CREATE TABLE contribution (
	audit_index BIGINT NOT NULL, 
	source_index BIGINT NOT NULL, 
	dataset VARCHAR(200) NOT NULL, 
	licence VARCHAR(200) NOT NULL, 
	columns TEXT NOT NULL, 
	rows BIGINT NOT NULL, 
	outcome_key VARCHAR(80) NOT NULL, 
	CONSTRAINT pk_contribution PRIMARY KEY (audit_index, source_index, dataset), 
	CONSTRAINT ck_contribution_rows CHECK (rows >= 0), 
	CONSTRAINT fk_contribution_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_contribution_source_index_entry FOREIGN KEY(source_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_contribution_licence ON contribution (licence, audit_index)
-- next
CREATE TRIGGER contribution_no_update BEFORE UPDATE ON contribution BEGIN SELECT RAISE(ABORT, 'contribution does not change so'); END
-- next
CREATE TRIGGER contribution_no_delete BEFORE DELETE ON contribution BEGIN SELECT RAISE(ABORT, 'contribution does not change so'); END
-- next
CREATE TRIGGER contribution_no_replace_audit_index_source_index_dataset BEFORE INSERT ON contribution WHEN EXISTS (SELECT 1 FROM contribution WHERE audit_index = NEW.audit_index AND source_index = NEW.source_index AND dataset = NEW.dataset) BEGIN SELECT RAISE(ABORT, 'contribution does not change so'); END
-- next
CREATE TABLE tariff_version (
	digest VARCHAR(80) NOT NULL, 
	licence VARCHAR(200) NOT NULL, 
	version VARCHAR(60) NOT NULL, 
	document TEXT NOT NULL, 
	proposed_by VARCHAR(200) NOT NULL, 
	proposed_index BIGINT NOT NULL, 
	proposed_us BIGINT NOT NULL, 
	CONSTRAINT pk_tariff_version PRIMARY KEY (digest, licence), 
	CONSTRAINT uq_tariff_version UNIQUE (licence, version), 
	CONSTRAINT fk_tariff_version_proposed_index_entry FOREIGN KEY(proposed_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER tariff_version_no_update BEFORE UPDATE ON tariff_version BEGIN SELECT RAISE(ABORT, 'tariff_version does not change so'); END
-- next
CREATE TRIGGER tariff_version_no_delete BEFORE DELETE ON tariff_version BEGIN SELECT RAISE(ABORT, 'tariff_version does not change so'); END
-- next
CREATE TRIGGER tariff_version_no_replace_digest_licence BEFORE INSERT ON tariff_version WHEN EXISTS (SELECT 1 FROM tariff_version WHERE digest = NEW.digest AND licence = NEW.licence) BEGIN SELECT RAISE(ABORT, 'tariff_version does not change so'); END
-- next
CREATE TRIGGER tariff_version_no_replace_licence_version BEFORE INSERT ON tariff_version WHEN EXISTS (SELECT 1 FROM tariff_version WHERE licence = NEW.licence AND version = NEW.version) BEGIN SELECT RAISE(ABORT, 'tariff_version does not change so'); END
-- next
CREATE TABLE tariff_approval (
	digest VARCHAR(80) NOT NULL, 
	licence VARCHAR(200) NOT NULL, 
	approved_by VARCHAR(200) NOT NULL, 
	approved_index BIGINT NOT NULL, 
	valid_from_us BIGINT NOT NULL, 
	CONSTRAINT pk_tariff_approval PRIMARY KEY (digest, licence), 
	CONSTRAINT fk_tariff_approval_approved_index_entry FOREIGN KEY(approved_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_tariff_approval ON tariff_approval (licence, approved_index)
-- next
CREATE TRIGGER tariff_approval_no_update BEFORE UPDATE ON tariff_approval BEGIN SELECT RAISE(ABORT, 'tariff_approval does not change so'); END
-- next
CREATE TRIGGER tariff_approval_no_delete BEFORE DELETE ON tariff_approval BEGIN SELECT RAISE(ABORT, 'tariff_approval does not change so'); END
-- next
CREATE TRIGGER tariff_approval_no_replace_digest_licence BEFORE INSERT ON tariff_approval WHEN EXISTS (SELECT 1 FROM tariff_approval WHERE digest = NEW.digest AND licence = NEW.licence) BEGIN SELECT RAISE(ABORT, 'tariff_approval does not change so'); END
-- next
CREATE TABLE wallet_hold (
	reference VARCHAR(200) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	audit_index BIGINT NOT NULL, 
	payer VARCHAR(200) NOT NULL, 
	licence VARCHAR(200) NOT NULL, 
	micro_fen BIGINT NOT NULL, 
	until_us BIGINT NOT NULL, 
	CONSTRAINT pk_wallet_hold PRIMARY KEY (reference, kind), 
	CONSTRAINT ck_wallet_hold_kind CHECK (kind IN ('question', 'session', 'subscription')), 
	CONSTRAINT ck_wallet_hold_micro_fen CHECK (micro_fen BETWEEN 0 AND 1000000000000000000), 
	CONSTRAINT fk_wallet_hold_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_wallet_hold_payer ON wallet_hold (payer, until_us)
-- next
CREATE TRIGGER wallet_hold_no_update BEFORE UPDATE ON wallet_hold BEGIN SELECT RAISE(ABORT, 'wallet_hold does not change so'); END
-- next
CREATE TRIGGER wallet_hold_no_delete BEFORE DELETE ON wallet_hold BEGIN SELECT RAISE(ABORT, 'wallet_hold does not change so'); END
-- next
CREATE TRIGGER wallet_hold_no_replace_reference_kind BEFORE INSERT ON wallet_hold WHEN EXISTS (SELECT 1 FROM wallet_hold WHERE reference = NEW.reference AND kind = NEW.kind) BEGIN SELECT RAISE(ABORT, 'wallet_hold does not change so'); END
-- next
CREATE TRIGGER wallet_hold_whole_micro_fen BEFORE INSERT ON wallet_hold WHEN typeof(NEW.micro_fen) <> 'integer' BEGIN SELECT RAISE(ABORT, 'micro_fen is a whole number'); END
-- next
CREATE TABLE wallet_hold_end (
	reference VARCHAR(200) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	audit_index BIGINT NOT NULL, 
	CONSTRAINT pk_wallet_hold_end PRIMARY KEY (reference, kind), 
	CONSTRAINT fk_wallet_hold_end_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER wallet_hold_end_no_update BEFORE UPDATE ON wallet_hold_end BEGIN SELECT RAISE(ABORT, 'wallet_hold_end does not change so'); END
-- next
CREATE TRIGGER wallet_hold_end_no_delete BEFORE DELETE ON wallet_hold_end BEGIN SELECT RAISE(ABORT, 'wallet_hold_end does not change so'); END
-- next
CREATE TRIGGER wallet_hold_end_no_replace_reference_kind BEFORE INSERT ON wallet_hold_end WHEN EXISTS (SELECT 1 FROM wallet_hold_end WHERE reference = NEW.reference AND kind = NEW.kind) BEGIN SELECT RAISE(ABORT, 'wallet_hold_end does not change so'); END
-- next
CREATE TABLE permitted_proposal (
	digest VARCHAR(80) NOT NULL, 
	operator VARCHAR(200) NOT NULL, 
	version VARCHAR(60) NOT NULL, 
	document TEXT NOT NULL, 
	proposed_by VARCHAR(200) NOT NULL, 
	proposed_index BIGINT NOT NULL, 
	proposed_us BIGINT NOT NULL, 
	CONSTRAINT pk_permitted_proposal PRIMARY KEY (digest), 
	CONSTRAINT uq_permitted_version UNIQUE (operator, version), 
	CONSTRAINT fk_permitted_proposal_proposed_index_entry FOREIGN KEY(proposed_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER permitted_proposal_no_update BEFORE UPDATE ON permitted_proposal BEGIN SELECT RAISE(ABORT, 'permitted_proposal does not change so'); END
-- next
CREATE TRIGGER permitted_proposal_no_delete BEFORE DELETE ON permitted_proposal BEGIN SELECT RAISE(ABORT, 'permitted_proposal does not change so'); END
-- next
CREATE TRIGGER permitted_proposal_no_replace_digest BEFORE INSERT ON permitted_proposal WHEN EXISTS (SELECT 1 FROM permitted_proposal WHERE digest = NEW.digest) BEGIN SELECT RAISE(ABORT, 'permitted_proposal does not change so'); END
-- next
CREATE TRIGGER permitted_proposal_no_replace_operator_version BEFORE INSERT ON permitted_proposal WHEN EXISTS (SELECT 1 FROM permitted_proposal WHERE operator = NEW.operator AND version = NEW.version) BEGIN SELECT RAISE(ABORT, 'permitted_proposal does not change so'); END
-- next
CREATE TABLE permitted_review (
	operator VARCHAR(200) NOT NULL, 
	year INTEGER NOT NULL, 
	actual_fen BIGINT NOT NULL, 
	maximum_fen BIGINT NOT NULL, 
	adjustment VARCHAR(20) NOT NULL, 
	reviewed_by VARCHAR(200) NOT NULL, 
	reviewed_index BIGINT NOT NULL, 
	CONSTRAINT pk_permitted_review PRIMARY KEY (operator, year), 
	CONSTRAINT ck_permitted_review_adjustment CHECK (adjustment IN ('none', 'prices', 'ceilings')), 
	CONSTRAINT fk_permitted_review_reviewed_index_entry FOREIGN KEY(reviewed_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER permitted_review_no_update BEFORE UPDATE ON permitted_review BEGIN SELECT RAISE(ABORT, 'permitted_review does not change so'); END
-- next
CREATE TRIGGER permitted_review_no_delete BEFORE DELETE ON permitted_review BEGIN SELECT RAISE(ABORT, 'permitted_review does not change so'); END
-- next
CREATE TRIGGER permitted_review_no_replace_operator_year BEFORE INSERT ON permitted_review WHEN EXISTS (SELECT 1 FROM permitted_review WHERE operator = NEW.operator AND year = NEW.year) BEGIN SELECT RAISE(ABORT, 'permitted_review does not change so'); END
-- next
CREATE TABLE money_move (
	id VARCHAR(60) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	subject TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	proposed_by VARCHAR(200) NOT NULL, 
	organisation VARCHAR(200) NOT NULL, 
	proposed_index BIGINT NOT NULL, 
	proposed_us BIGINT NOT NULL, 
	CONSTRAINT pk_money_move PRIMARY KEY (id), 
	CONSTRAINT uq_money_move_proposed_index UNIQUE (proposed_index), 
	CONSTRAINT fk_money_move_proposed_index_entry FOREIGN KEY(proposed_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER money_move_no_update BEFORE UPDATE ON money_move BEGIN SELECT RAISE(ABORT, 'money_move does not change so'); END
-- next
CREATE TRIGGER money_move_no_delete BEFORE DELETE ON money_move BEGIN SELECT RAISE(ABORT, 'money_move does not change so'); END
-- next
CREATE TRIGGER money_move_no_replace_id BEFORE INSERT ON money_move WHEN EXISTS (SELECT 1 FROM money_move WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'money_move does not change so'); END
-- next
CREATE TRIGGER money_move_no_replace_proposed_index BEFORE INSERT ON money_move WHEN EXISTS (SELECT 1 FROM money_move WHERE proposed_index = NEW.proposed_index) BEGIN SELECT RAISE(ABORT, 'money_move does not change so'); END
-- next
CREATE TABLE dispute (
	id VARCHAR(60) NOT NULL, 
	period_id VARCHAR(40) NOT NULL, 
	licence VARCHAR(200) NOT NULL, 
	party VARCHAR(10) NOT NULL, 
	organisation VARCHAR(200) NOT NULL, 
	opened_by VARCHAR(200) NOT NULL, 
	opened_index BIGINT NOT NULL, 
	opened_us BIGINT NOT NULL, 
	CONSTRAINT pk_dispute PRIMARY KEY (id), 
	CONSTRAINT ck_dispute_party CHECK (party IN ('payee', 'payer')), 
	CONSTRAINT fk_dispute_opened_index_entry FOREIGN KEY(opened_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_dispute_pool ON dispute (period_id, licence)
-- next
CREATE TRIGGER dispute_no_update BEFORE UPDATE ON dispute BEGIN SELECT RAISE(ABORT, 'dispute does not change so'); END
-- next
CREATE TRIGGER dispute_no_delete BEFORE DELETE ON dispute BEGIN SELECT RAISE(ABORT, 'dispute does not change so'); END
-- next
CREATE TRIGGER dispute_no_replace_id BEFORE INSERT ON dispute WHEN EXISTS (SELECT 1 FROM dispute WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'dispute does not change so'); END
-- next
CREATE TABLE payment_details (
	payee VARCHAR(200) NOT NULL, 
	channel VARCHAR(20) NOT NULL, 
	audit_index BIGINT NOT NULL, 
	holder VARCHAR(140) NOT NULL, 
	account VARCHAR(34) NOT NULL, 
	bank_code VARCHAR(14) NOT NULL, 
	CONSTRAINT pk_payment_details PRIMARY KEY (payee, channel, audit_index), 
	CONSTRAINT fk_payment_details_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER payment_details_no_update BEFORE UPDATE ON payment_details BEGIN SELECT RAISE(ABORT, 'payment_details does not change so'); END
-- next
CREATE TRIGGER payment_details_no_delete BEFORE DELETE ON payment_details BEGIN SELECT RAISE(ABORT, 'payment_details does not change so'); END
-- next
CREATE TRIGGER payment_details_no_replace_payee_channel_audit_index BEFORE INSERT ON payment_details WHEN EXISTS (SELECT 1 FROM payment_details WHERE payee = NEW.payee AND channel = NEW.channel AND audit_index = NEW.audit_index) BEGIN SELECT RAISE(ABORT, 'payment_details does not change so'); END
-- next
CREATE TABLE payout_file (
	id VARCHAR(60) NOT NULL, 
	audit_index BIGINT NOT NULL, 
	biller VARCHAR(200) NOT NULL, 
	written_by VARCHAR(200) NOT NULL, 
	written_us BIGINT NOT NULL, 
	fen BIGINT NOT NULL, 
	csv_digest VARCHAR(80) NOT NULL, 
	pain_digest VARCHAR(80) NOT NULL, 
	csv TEXT NOT NULL, 
	pain TEXT NOT NULL, 
	CONSTRAINT pk_payout_file PRIMARY KEY (id), 
	CONSTRAINT ck_payout_file_fen CHECK (fen BETWEEN 0 AND 1000000000000000), 
	CONSTRAINT fk_payout_file_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER payout_file_no_update BEFORE UPDATE ON payout_file BEGIN SELECT RAISE(ABORT, 'payout_file does not change so'); END
-- next
CREATE TRIGGER payout_file_no_delete BEFORE DELETE ON payout_file BEGIN SELECT RAISE(ABORT, 'payout_file does not change so'); END
-- next
CREATE TRIGGER payout_file_no_replace_id BEFORE INSERT ON payout_file WHEN EXISTS (SELECT 1 FROM payout_file WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'payout_file does not change so'); END
-- next
CREATE TABLE alert_rule (
	id VARCHAR(64) NOT NULL, 
	revision INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	check_name VARCHAR(40) NOT NULL, 
	minimum BIGINT NOT NULL, 
	window_seconds BIGINT NOT NULL, 
	about TEXT NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	saved_index BIGINT NOT NULL, 
	saved_us BIGINT NOT NULL, 
	CONSTRAINT pk_alert_rule PRIMARY KEY (id, revision), 
	CONSTRAINT fk_alert_rule_saved_index_entry FOREIGN KEY(saved_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER alert_rule_no_update BEFORE UPDATE ON alert_rule BEGIN SELECT RAISE(ABORT, 'alert_rule does not change so'); END
-- next
CREATE TRIGGER alert_rule_no_delete BEFORE DELETE ON alert_rule BEGIN SELECT RAISE(ABORT, 'alert_rule does not change so'); END
-- next
CREATE TABLE alert (
	id VARCHAR(64) NOT NULL, 
	rule VARCHAR(64) NOT NULL, 
	check_name VARCHAR(40) NOT NULL, 
	"key" VARCHAR(500) NOT NULL, 
	trigger_index BIGINT NOT NULL, 
	about TEXT NOT NULL, 
	figure BIGINT NOT NULL, 
	minimum BIGINT NOT NULL, 
	window_seconds BIGINT NOT NULL, 
	evidence TEXT NOT NULL, 
	entry_index BIGINT NOT NULL, 
	raised_us BIGINT NOT NULL, 
	CONSTRAINT pk_alert PRIMARY KEY (id), 
	CONSTRAINT uq_alert_trigger UNIQUE (rule, "key", trigger_index), 
	CONSTRAINT fk_alert_entry_index_entry FOREIGN KEY(entry_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_alert_entry ON alert (entry_index)
-- next
CREATE TRIGGER alert_no_update BEFORE UPDATE ON alert BEGIN SELECT RAISE(ABORT, 'alert does not change so'); END
-- next
CREATE TRIGGER alert_no_delete BEFORE DELETE ON alert BEGIN SELECT RAISE(ABORT, 'alert does not change so'); END
-- next
CREATE TABLE catalog_entry_move (
	idx BIGINT NOT NULL, 
	entry_id VARCHAR(64) NOT NULL, 
	time_us BIGINT NOT NULL, 
	move VARCHAR(16) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	version INTEGER, 
	digest VARCHAR(80) NOT NULL, 
	previous_digest VARCHAR(80), 
	matter VARCHAR(64), 
	person VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	reason TEXT, 
	CONSTRAINT pk_catalog_entry_move PRIMARY KEY (idx, entry_id), 
	CONSTRAINT ck_catalog_entry_move_move CHECK (move IN ('drafted', 'revised', 'assessed', 'signed_off', 'submitted', 'published', 'returned', 'refused', 'change_begun', 'withdrawn', 'discarded')), 
	CONSTRAINT fk_catalog_entry_move_entry_id_catalog_entry FOREIGN KEY(entry_id) REFERENCES catalog_entry (id)
)
-- next
CREATE INDEX ix_catalog_entry_move_entry ON catalog_entry_move (entry_id, idx)
-- next
CREATE INDEX ix_catalog_entry_move_kind ON catalog_entry_move (move, idx)
-- next
CREATE TRIGGER catalog_entry_move_no_update BEFORE UPDATE ON catalog_entry_move BEGIN SELECT RAISE(ABORT, 'catalog_entry_move does not change so'); END
-- next
CREATE TRIGGER catalog_entry_move_no_delete BEFORE DELETE ON catalog_entry_move BEGIN SELECT RAISE(ABORT, 'catalog_entry_move does not change so'); END
-- next
CREATE TABLE catalog_entry_system (
	entry_id VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	system VARCHAR(63) NOT NULL, 
	CONSTRAINT pk_catalog_entry_system PRIMARY KEY (entry_id, version, system), 
	CONSTRAINT fk_catalog_entry_system_entry_id_catalog_entry FOREIGN KEY(entry_id) REFERENCES catalog_entry (id), 
	CONSTRAINT fk_catalog_entry_system_system_catalog_system FOREIGN KEY(system) REFERENCES catalog_system (name)
)
-- next
CREATE INDEX ix_catalog_entry_system_system ON catalog_entry_system (system)
-- next
CREATE TRIGGER catalog_entry_system_no_update BEFORE UPDATE ON catalog_entry_system BEGIN SELECT RAISE(ABORT, 'catalog_entry_system does not change so'); END
-- next
CREATE TRIGGER catalog_entry_system_no_delete BEFORE DELETE ON catalog_entry_system BEGIN SELECT RAISE(ABORT, 'catalog_entry_system does not change so'); END
-- next
CREATE TABLE dataset (
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(63) NOT NULL, 
	entry_id VARCHAR(64) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	population VARCHAR(63), 
	declaration TEXT NOT NULL, 
	zone VARCHAR(63) DEFAULT 'public' NOT NULL, 
	created_us BIGINT NOT NULL, 
	CONSTRAINT pk_dataset PRIMARY KEY (id), 
	CONSTRAINT uq_dataset_name UNIQUE (name), 
	CONSTRAINT fk_dataset_entry_id_catalog_entry FOREIGN KEY(entry_id) REFERENCES catalog_entry (id), 
	CONSTRAINT fk_dataset_population_population FOREIGN KEY(population) REFERENCES population (name)
)
-- next
CREATE TRIGGER dataset_no_update BEFORE UPDATE ON dataset BEGIN SELECT RAISE(ABORT, 'dataset does not change so'); END
-- next
CREATE TRIGGER dataset_no_delete BEFORE DELETE ON dataset BEGIN SELECT RAISE(ABORT, 'dataset does not change so'); END
-- next
CREATE TABLE share_delivery (
	id VARCHAR(64) NOT NULL, 
	request VARCHAR(64) NOT NULL, 
	mode VARCHAR(16) NOT NULL, 
	dataset VARCHAR(63) NOT NULL, 
	version VARCHAR(64) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	row_count BIGINT NOT NULL, 
	content_digest VARCHAR(80) NOT NULL, 
	copy_digest VARCHAR(80) NOT NULL, 
	mark BLOB NOT NULL, 
	decided_index BIGINT NOT NULL, 
	made_us BIGINT NOT NULL, 
	CONSTRAINT pk_share_delivery PRIMARY KEY (id), 
	CONSTRAINT fk_share_delivery_request_share_request FOREIGN KEY(request) REFERENCES share_request (id), 
	CONSTRAINT fk_share_delivery_person_person FOREIGN KEY(person) REFERENCES person (id), 
	CONSTRAINT fk_share_delivery_organisation_organisation FOREIGN KEY(organisation) REFERENCES organisation (id)
)
-- next
CREATE INDEX ix_share_delivery_request ON share_delivery (request)
-- next
CREATE TRIGGER share_delivery_no_update BEFORE UPDATE ON share_delivery BEGIN SELECT RAISE(ABORT, 'share_delivery does not change so'); END
-- next
CREATE TRIGGER share_delivery_no_delete BEFORE DELETE ON share_delivery BEGIN SELECT RAISE(ABORT, 'share_delivery does not change so'); END
-- next
CREATE TABLE share_calls (
	request VARCHAR(64) NOT NULL, 
	day VARCHAR(10) NOT NULL, 
	requester VARCHAR(64) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	entry VARCHAR(64) NOT NULL, 
	mode VARCHAR(16) NOT NULL, 
	calls BIGINT NOT NULL, 
	row_count BIGINT NOT NULL, 
	CONSTRAINT pk_share_calls PRIMARY KEY (request, day), 
	CONSTRAINT ck_share_calls_counted CHECK (calls >= 0 AND row_count >= 0), 
	CONSTRAINT fk_share_calls_request_share_request FOREIGN KEY(request) REFERENCES share_request (id)
)
-- next
CREATE INDEX ix_share_calls_provider ON share_calls (provider)
-- next
CREATE INDEX ix_share_calls_requester ON share_calls (requester)
-- next
CREATE TRIGGER share_calls_no_update BEFORE UPDATE ON share_calls WHEN NEW.calls < OLD.calls OR NEW.row_count < OLD.row_count OR NEW.requester <> OLD.requester OR NEW.request <> OLD.request OR NEW.day <> OLD.day BEGIN SELECT RAISE(ABORT, 'share_calls does not change so'); END
-- next
CREATE TRIGGER share_calls_no_delete BEFORE DELETE ON share_calls BEGIN SELECT RAISE(ABORT, 'share_calls does not change so'); END
-- next
CREATE TABLE share_use (
	id VARCHAR(64) NOT NULL, 
	request VARCHAR(64) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	record TEXT NOT NULL, 
	made_us BIGINT NOT NULL, 
	CONSTRAINT pk_share_use PRIMARY KEY (id), 
	CONSTRAINT fk_share_use_request_share_request FOREIGN KEY(request) REFERENCES share_request (id), 
	CONSTRAINT fk_share_use_person_person FOREIGN KEY(person) REFERENCES person (id)
)
-- next
CREATE INDEX ix_share_use_request ON share_use (request)
-- next
CREATE TRIGGER share_use_no_update BEFORE UPDATE ON share_use BEGIN SELECT RAISE(ABORT, 'share_use does not change so'); END
-- next
CREATE TRIGGER share_use_no_delete BEFORE DELETE ON share_use BEGIN SELECT RAISE(ABORT, 'share_use does not change so'); END
-- next
CREATE TABLE share_disposal (
	request VARCHAR(64) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	document TEXT NOT NULL, 
	entry_index BIGINT NOT NULL, 
	made_us BIGINT NOT NULL, 
	CONSTRAINT pk_share_disposal PRIMARY KEY (request), 
	CONSTRAINT fk_share_disposal_request_share_request FOREIGN KEY(request) REFERENCES share_request (id), 
	CONSTRAINT fk_share_disposal_person_person FOREIGN KEY(person) REFERENCES person (id)
)
-- next
CREATE TRIGGER share_disposal_no_update BEFORE UPDATE ON share_disposal BEGIN SELECT RAISE(ABORT, 'share_disposal does not change so'); END
-- next
CREATE TRIGGER share_disposal_no_delete BEFORE DELETE ON share_disposal BEGIN SELECT RAISE(ABORT, 'share_disposal does not change so'); END
-- next
CREATE TABLE share_seal (
	request VARCHAR(64) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	document TEXT NOT NULL, 
	paper BLOB NOT NULL, 
	signatures TEXT NOT NULL, 
	ordered TEXT NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	made_us BIGINT NOT NULL, 
	CONSTRAINT pk_share_seal PRIMARY KEY (request), 
	CONSTRAINT fk_share_seal_request_share_request FOREIGN KEY(request) REFERENCES share_request (id), 
	CONSTRAINT uq_share_seal_id UNIQUE (id), 
	CONSTRAINT fk_share_seal_person_person FOREIGN KEY(person) REFERENCES person (id)
)
-- next
CREATE TRIGGER share_seal_no_update BEFORE UPDATE ON share_seal BEGIN SELECT RAISE(ABORT, 'share_seal does not change so'); END
-- next
CREATE TRIGGER share_seal_no_delete BEFORE DELETE ON share_seal BEGIN SELECT RAISE(ABORT, 'share_seal does not change so'); END
-- next
CREATE TABLE demand_team (
	demand VARCHAR(64) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	duty VARCHAR(200) NOT NULL, 
	lead VARCHAR(3) NOT NULL, 
	assigned_by VARCHAR(64) NOT NULL, 
	assigned_us BIGINT NOT NULL, 
	CONSTRAINT pk_demand_team PRIMARY KEY (demand, person), 
	CONSTRAINT fk_demand_team_demand_demand FOREIGN KEY(demand) REFERENCES demand (id), 
	CONSTRAINT fk_demand_team_person_person FOREIGN KEY(person) REFERENCES person (id), 
	CONSTRAINT fk_demand_team_organisation_organisation FOREIGN KEY(organisation) REFERENCES organisation (id), 
	CONSTRAINT fk_demand_team_assigned_by_person FOREIGN KEY(assigned_by) REFERENCES person (id)
)
-- next
CREATE TRIGGER demand_team_no_update BEFORE UPDATE ON demand_team BEGIN SELECT RAISE(ABORT, 'demand_team does not change so'); END
-- next
CREATE TRIGGER demand_team_no_delete BEFORE DELETE ON demand_team BEGIN SELECT RAISE(ABORT, 'demand_team does not change so'); END
-- next
CREATE TABLE hall_appointment (
	id VARCHAR(64) NOT NULL, 
	seat VARCHAR(64) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	named_by VARCHAR(64) NOT NULL, 
	named_us BIGINT NOT NULL, 
	confirmed_by VARCHAR(64), 
	confirmed_us BIGINT, 
	ended_by VARCHAR(64), 
	ended_us BIGINT, 
	CONSTRAINT pk_hall_appointment PRIMARY KEY (id), 
	CONSTRAINT ck_hall_appointment_another_names CHECK (person <> named_by), 
	CONSTRAINT ck_hall_appointment_another_confirms CHECK (confirmed_by IS NULL OR (confirmed_by <> named_by AND confirmed_by <> person)), 
	CONSTRAINT fk_hall_appointment_seat_hall_seat FOREIGN KEY(seat) REFERENCES hall_seat (id), 
	CONSTRAINT fk_hall_appointment_person_person FOREIGN KEY(person) REFERENCES person (id), 
	CONSTRAINT fk_hall_appointment_named_by_person FOREIGN KEY(named_by) REFERENCES person (id), 
	CONSTRAINT fk_hall_appointment_confirmed_by_person FOREIGN KEY(confirmed_by) REFERENCES person (id), 
	CONSTRAINT fk_hall_appointment_ended_by_person FOREIGN KEY(ended_by) REFERENCES person (id)
)
-- next
CREATE INDEX ix_hall_appointment_seat ON hall_appointment (seat)
-- next
CREATE TRIGGER hall_appointment_no_update BEFORE UPDATE ON hall_appointment WHEN NEW.person <> OLD.person OR NEW.seat <> OLD.seat OR NEW.named_by <> OLD.named_by OR (OLD.confirmed_by IS NOT NULL AND NEW.confirmed_by <> OLD.confirmed_by) OR (OLD.ended_us IS NOT NULL AND NEW.ended_us <> OLD.ended_us) BEGIN SELECT RAISE(ABORT, 'hall_appointment does not change so'); END
-- next
CREATE TRIGGER hall_appointment_no_delete BEFORE DELETE ON hall_appointment BEGIN SELECT RAISE(ABORT, 'hall_appointment does not change so'); END
-- next
CREATE TABLE hall_duty (
	id VARCHAR(64) NOT NULL, 
	seat VARCHAR(64) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	begun_us BIGINT NOT NULL, 
	ended_us BIGINT, 
	note TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_hall_duty PRIMARY KEY (id), 
	CONSTRAINT fk_hall_duty_seat_hall_seat FOREIGN KEY(seat) REFERENCES hall_seat (id), 
	CONSTRAINT fk_hall_duty_person_person FOREIGN KEY(person) REFERENCES person (id)
)
-- next
CREATE INDEX ix_hall_duty_seat ON hall_duty (seat)
-- next
CREATE UNIQUE INDEX ix_hall_duty_once ON hall_duty (person) WHERE ended_us IS NULL
-- next
CREATE TRIGGER hall_duty_no_update BEFORE UPDATE ON hall_duty WHEN OLD.ended_us IS NOT NULL OR NEW.person <> OLD.person OR NEW.seat <> OLD.seat OR NEW.begun_us <> OLD.begun_us BEGIN SELECT RAISE(ABORT, 'hall_duty does not change so'); END
-- next
CREATE TRIGGER hall_duty_no_delete BEFORE DELETE ON hall_duty BEGIN SELECT RAISE(ABORT, 'hall_duty does not change so'); END
-- next
CREATE TABLE matter_move (
	matter VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	move VARCHAR(24) NOT NULL, 
	entry BIGINT NOT NULL, 
	time_us BIGINT NOT NULL, 
	due TEXT, 
	detail TEXT NOT NULL, 
	CONSTRAINT pk_matter_move PRIMARY KEY (matter, number), 
	CONSTRAINT fk_matter_move_matter_matter FOREIGN KEY(matter) REFERENCES matter (id)
)
-- next
CREATE TRIGGER matter_move_no_update BEFORE UPDATE ON matter_move BEGIN SELECT RAISE(ABORT, 'matter_move does not change so'); END
-- next
CREATE TRIGGER matter_move_no_delete BEFORE DELETE ON matter_move BEGIN SELECT RAISE(ABORT, 'matter_move does not change so'); END
-- next
CREATE TABLE release_copy_file (
	copy VARCHAR(80) NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	copy_digest VARCHAR(80) NOT NULL, 
	content_digest VARCHAR(80) NOT NULL, 
	CONSTRAINT pk_release_copy_file PRIMARY KEY (copy, name), 
	CONSTRAINT fk_release_copy_file_copy_release_copy FOREIGN KEY(copy) REFERENCES release_copy (id)
)
-- next
CREATE INDEX ix_release_copy_file_content_digest ON release_copy_file (content_digest)
-- next
CREATE INDEX ix_release_copy_file_copy_digest ON release_copy_file (copy_digest)
-- next
CREATE TRIGGER release_copy_file_no_update BEFORE UPDATE ON release_copy_file BEGIN SELECT RAISE(ABORT, 'release_copy_file does not change so'); END
-- next
CREATE TRIGGER release_copy_file_no_delete BEFORE DELETE ON release_copy_file BEGIN SELECT RAISE(ABORT, 'release_copy_file does not change so'); END
-- next
CREATE TABLE journal (
	id VARCHAR(60) NOT NULL, 
	idempotency_key VARCHAR(200) NOT NULL, 
	request_digest VARCHAR(80) NOT NULL, 
	period_id VARCHAR(40) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	audit_index BIGINT NOT NULL, 
	rule_digest VARCHAR(80) NOT NULL, 
	reverses VARCHAR(60), 
	recorded_us BIGINT NOT NULL, 
	CONSTRAINT pk_journal PRIMARY KEY (id), 
	CONSTRAINT ck_journal_kind CHECK (kind IN ('settlement', 'adjustment', 'reversal', 'receipt', 'matching', 'distribution', 'payout', 'deposit', 'refund', 'hold', 'release', 'correction')), 
	CONSTRAINT ck_journal_reversal CHECK ((kind = 'reversal') = (reverses IS NOT NULL)), 
	CONSTRAINT uq_journal_outcome UNIQUE (audit_index, kind, rule_digest), 
	CONSTRAINT fk_journal_id_seal FOREIGN KEY(id) REFERENCES seal (journal_id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_journal_idempotency_key UNIQUE (idempotency_key), 
	CONSTRAINT fk_journal_period_id_period FOREIGN KEY(period_id) REFERENCES period (id), 
	CONSTRAINT fk_journal_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_journal_rule_digest_settlement_rule FOREIGN KEY(rule_digest) REFERENCES settlement_rule (digest), 
	CONSTRAINT uq_journal_reverses UNIQUE (reverses), 
	CONSTRAINT fk_journal_reverses_journal FOREIGN KEY(reverses) REFERENCES journal (id)
)
 WITHOUT ROWID
-- next
CREATE UNIQUE INDEX uq_journal_settlement ON journal (period_id, rule_digest) WHERE kind = 'settlement'
-- next
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END
-- next
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END
-- next
CREATE TRIGGER journal_no_replace BEFORE INSERT ON journal WHEN EXISTS (SELECT 1 FROM journal WHERE id = NEW.id) OR EXISTS (SELECT 1 FROM journal WHERE idempotency_key = NEW.idempotency_key) OR EXISTS (SELECT 1 FROM journal WHERE audit_index = NEW.audit_index AND kind = NEW.kind AND rule_digest = NEW.rule_digest) OR EXISTS (SELECT 1 FROM journal WHERE reverses = NEW.reverses) BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END
-- next
CREATE TRIGGER journal_in_open_period BEFORE INSERT ON journal WHEN NOT EXISTS (SELECT 1 FROM period WHERE id = NEW.period_id AND state = 'open') BEGIN SELECT RAISE(ABORT, 'journal needs an open period'); END
-- next
CREATE TRIGGER journal_settled_once BEFORE INSERT ON journal WHEN NEW.kind = 'settlement' AND EXISTS (SELECT 1 FROM journal WHERE kind = 'settlement' AND period_id = NEW.period_id AND rule_digest = NEW.rule_digest) BEGIN SELECT RAISE(ABORT, 'the pool of this period is settled'); END
-- next
CREATE TABLE statement (
	period_id VARCHAR(40) NOT NULL, 
	audit_index BIGINT NOT NULL, 
	document TEXT NOT NULL, 
	digest VARCHAR(80) NOT NULL, 
	CONSTRAINT pk_statement PRIMARY KEY (period_id), 
	CONSTRAINT fk_statement_period_id_period FOREIGN KEY(period_id) REFERENCES period (id), 
	CONSTRAINT fk_statement_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER statement_no_update BEFORE UPDATE ON statement BEGIN SELECT RAISE(ABORT, 'statement is append-only'); END
-- next
CREATE TRIGGER statement_no_delete BEFORE DELETE ON statement BEGIN SELECT RAISE(ABORT, 'statement is append-only'); END
-- next
CREATE TRIGGER statement_no_replace BEFORE INSERT ON statement WHEN EXISTS (SELECT 1 FROM statement WHERE period_id = NEW.period_id) BEGIN SELECT RAISE(ABORT, 'statement is append-only'); END
-- next
CREATE TRIGGER statement_in_open_period BEFORE INSERT ON statement WHEN NOT EXISTS (SELECT 1 FROM period WHERE id = NEW.period_id AND state = 'open') BEGIN SELECT RAISE(ABORT, 'statement needs an open period'); END
-- next
CREATE TABLE pool (
	period_id VARCHAR(40) NOT NULL, 
	licence VARCHAR(200) NOT NULL, 
	audit_index BIGINT NOT NULL, 
	rule_digest VARCHAR(80) NOT NULL, 
	scheme_digest VARCHAR(80) NOT NULL, 
	billed_fen BIGINT NOT NULL, 
	document TEXT NOT NULL, 
	digest VARCHAR(80) NOT NULL, 
	CONSTRAINT pk_pool PRIMARY KEY (period_id, licence), 
	CONSTRAINT ck_pool_billed_fen CHECK (billed_fen BETWEEN 0 AND 1000000000000000), 
	CONSTRAINT fk_pool_period_id_period FOREIGN KEY(period_id) REFERENCES period (id), 
	CONSTRAINT fk_pool_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_pool_rule_digest_settlement_rule FOREIGN KEY(rule_digest) REFERENCES settlement_rule (digest), 
	CONSTRAINT fk_pool_scheme_digest_scheme_document FOREIGN KEY(scheme_digest) REFERENCES scheme_document (digest)
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_pool_rule ON pool (period_id, rule_digest)
-- next
CREATE TRIGGER pool_no_update BEFORE UPDATE ON pool BEGIN SELECT RAISE(ABORT, 'pool does not change so'); END
-- next
CREATE TRIGGER pool_no_delete BEFORE DELETE ON pool BEGIN SELECT RAISE(ABORT, 'pool does not change so'); END
-- next
CREATE TRIGGER pool_no_replace_period_id_licence BEFORE INSERT ON pool WHEN EXISTS (SELECT 1 FROM pool WHERE period_id = NEW.period_id AND licence = NEW.licence) BEGIN SELECT RAISE(ABORT, 'pool does not change so'); END
-- next
CREATE TABLE carry (
	audit_index BIGINT NOT NULL, 
	licence VARCHAR(200) NOT NULL, 
	period_id VARCHAR(40) NOT NULL, 
	payee VARCHAR(200) NOT NULL, 
	channel VARCHAR(20) NOT NULL, 
	micro_fen BIGINT NOT NULL, 
	CONSTRAINT pk_carry PRIMARY KEY (audit_index, licence, period_id, payee), 
	CONSTRAINT ck_carry_micro_fen CHECK (micro_fen BETWEEN -1000000000000000000 AND 1000000000000000000), 
	CONSTRAINT fk_carry_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_carry_period_id_period FOREIGN KEY(period_id) REFERENCES period (id)
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_carry_licence ON carry (licence, payee)
-- next
CREATE TRIGGER carry_no_update BEFORE UPDATE ON carry BEGIN SELECT RAISE(ABORT, 'carry does not change so'); END
-- next
CREATE TRIGGER carry_no_delete BEFORE DELETE ON carry BEGIN SELECT RAISE(ABORT, 'carry does not change so'); END
-- next
CREATE TRIGGER carry_no_replace_audit_index_licence_period_id_payee BEFORE INSERT ON carry WHEN EXISTS (SELECT 1 FROM carry WHERE audit_index = NEW.audit_index AND licence = NEW.licence AND period_id = NEW.period_id AND payee = NEW.payee) BEGIN SELECT RAISE(ABORT, 'carry does not change so'); END
-- next
CREATE TRIGGER carry_whole_micro_fen BEFORE INSERT ON carry WHEN typeof(NEW.micro_fen) <> 'integer' BEGIN SELECT RAISE(ABORT, 'micro-fen are whole numbers'); END
-- next
CREATE TABLE closing_salt (
	period_id VARCHAR(40) NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	salt BLOB NOT NULL, 
	CONSTRAINT pk_closing_salt PRIMARY KEY (period_id, kind, name), 
	CONSTRAINT ck_closing_salt_kind CHECK (kind IN ('payee', 'pool')), 
	CONSTRAINT ck_closing_salt_salt CHECK (length(salt) = 16), 
	CONSTRAINT fk_closing_salt_period_id_period FOREIGN KEY(period_id) REFERENCES period (id)
)
 WITHOUT ROWID
-- next
CREATE TRIGGER closing_salt_no_update BEFORE UPDATE ON closing_salt BEGIN SELECT RAISE(ABORT, 'closing_salt does not change so'); END
-- next
CREATE TRIGGER closing_salt_no_delete BEFORE DELETE ON closing_salt BEGIN SELECT RAISE(ABORT, 'closing_salt does not change so'); END
-- next
CREATE TRIGGER closing_salt_no_replace_period_id_kind_name BEFORE INSERT ON closing_salt WHEN EXISTS (SELECT 1 FROM closing_salt WHERE period_id = NEW.period_id AND kind = NEW.kind AND name = NEW.name) BEGIN SELECT RAISE(ABORT, 'closing_salt does not change so'); END
-- next
CREATE TABLE permitted_decision (
	operator VARCHAR(200) NOT NULL, 
	year INTEGER NOT NULL, 
	digest VARCHAR(80) NOT NULL, 
	maximum_fen BIGINT NOT NULL, 
	computed TEXT NOT NULL, 
	decided_by VARCHAR(200) NOT NULL, 
	decided_index BIGINT NOT NULL, 
	CONSTRAINT pk_permitted_decision PRIMARY KEY (operator, year), 
	CONSTRAINT ck_permitted_decision_maximum CHECK (maximum_fen >= 0), 
	CONSTRAINT fk_permitted_decision_digest_permitted_proposal FOREIGN KEY(digest) REFERENCES permitted_proposal (digest), 
	CONSTRAINT fk_permitted_decision_decided_index_entry FOREIGN KEY(decided_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER permitted_decision_no_update BEFORE UPDATE ON permitted_decision BEGIN SELECT RAISE(ABORT, 'permitted_decision does not change so'); END
-- next
CREATE TRIGGER permitted_decision_no_delete BEFORE DELETE ON permitted_decision BEGIN SELECT RAISE(ABORT, 'permitted_decision does not change so'); END
-- next
CREATE TRIGGER permitted_decision_no_replace_operator_year BEFORE INSERT ON permitted_decision WHEN EXISTS (SELECT 1 FROM permitted_decision WHERE operator = NEW.operator AND year = NEW.year) BEGIN SELECT RAISE(ABORT, 'permitted_decision does not change so'); END
-- next
CREATE TABLE money_move_decision (
	move VARCHAR(60) NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	decided_by VARCHAR(200) NOT NULL, 
	decided_index BIGINT NOT NULL, 
	decided_us BIGINT NOT NULL, 
	CONSTRAINT pk_money_move_decision PRIMARY KEY (move), 
	CONSTRAINT ck_money_move_decision_state CHECK (state IN ('approved', 'withdrawn')), 
	CONSTRAINT fk_money_move_decision_move_money_move FOREIGN KEY(move) REFERENCES money_move (id), 
	CONSTRAINT fk_money_move_decision_decided_index_entry FOREIGN KEY(decided_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER money_move_decision_no_update BEFORE UPDATE ON money_move_decision BEGIN SELECT RAISE(ABORT, 'money_move_decision does not change so'); END
-- next
CREATE TRIGGER money_move_decision_no_delete BEFORE DELETE ON money_move_decision BEGIN SELECT RAISE(ABORT, 'money_move_decision does not change so'); END
-- next
CREATE TRIGGER money_move_decision_no_replace_move BEFORE INSERT ON money_move_decision WHEN EXISTS (SELECT 1 FROM money_move_decision WHERE move = NEW.move) BEGIN SELECT RAISE(ABORT, 'money_move_decision does not change so'); END
-- next
CREATE TABLE payout_line (
	end_to_end_id VARCHAR(35) NOT NULL, 
	file VARCHAR(60) NOT NULL, 
	period_id VARCHAR(40) NOT NULL, 
	line VARCHAR(250) NOT NULL, 
	fen BIGINT NOT NULL, 
	CONSTRAINT pk_payout_line PRIMARY KEY (end_to_end_id), 
	CONSTRAINT ck_payout_line_fen CHECK (fen BETWEEN 1 AND 1000000000000000), 
	CONSTRAINT uq_payout_line UNIQUE (file, period_id, line), 
	CONSTRAINT fk_payout_line_file_payout_file FOREIGN KEY(file) REFERENCES payout_file (id)
)
 WITHOUT ROWID
-- next
CREATE TRIGGER payout_line_no_update BEFORE UPDATE ON payout_line BEGIN SELECT RAISE(ABORT, 'payout_line does not change so'); END
-- next
CREATE TRIGGER payout_line_no_delete BEFORE DELETE ON payout_line BEGIN SELECT RAISE(ABORT, 'payout_line does not change so'); END
-- next
CREATE TRIGGER payout_line_no_replace_end_to_end_id BEFORE INSERT ON payout_line WHEN EXISTS (SELECT 1 FROM payout_line WHERE end_to_end_id = NEW.end_to_end_id) BEGIN SELECT RAISE(ABORT, 'payout_line does not change so'); END
-- next
CREATE TRIGGER payout_line_no_replace_file_period_id_line BEFORE INSERT ON payout_line WHEN EXISTS (SELECT 1 FROM payout_line WHERE file = NEW.file AND period_id = NEW.period_id AND line = NEW.line) BEGIN SELECT RAISE(ABORT, 'payout_line does not change so'); END
-- next
CREATE TABLE payout_file_move (
	file VARCHAR(60) NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	audit_index BIGINT NOT NULL, 
	person VARCHAR(200) NOT NULL, 
	CONSTRAINT pk_payout_file_move PRIMARY KEY (file, state), 
	CONSTRAINT ck_payout_file_move_state CHECK (state IN ('sent', 'withdrawn', 'returned')), 
	CONSTRAINT fk_payout_file_move_file_payout_file FOREIGN KEY(file) REFERENCES payout_file (id), 
	CONSTRAINT fk_payout_file_move_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER payout_file_move_no_update BEFORE UPDATE ON payout_file_move BEGIN SELECT RAISE(ABORT, 'payout_file_move does not change so'); END
-- next
CREATE TRIGGER payout_file_move_no_delete BEFORE DELETE ON payout_file_move BEGIN SELECT RAISE(ABORT, 'payout_file_move does not change so'); END
-- next
CREATE TRIGGER payout_file_move_no_replace_file_state BEFORE INSERT ON payout_file_move WHEN EXISTS (SELECT 1 FROM payout_file_move WHERE file = NEW.file AND state = NEW.state) BEGIN SELECT RAISE(ABORT, 'payout_file_move does not change so'); END
-- next
CREATE TABLE login_session (
	id VARCHAR(40) NOT NULL, 
	secret_digest VARCHAR(64) NOT NULL, 
	account VARCHAR(200) NOT NULL, 
	issuer VARCHAR(300) NOT NULL, 
	subject_digest VARCHAR(64) NOT NULL, 
	sid_digest VARCHAR(64) NOT NULL, 
	auth_us BIGINT NOT NULL, 
	acr VARCHAR(200) NOT NULL, 
	opened_us BIGINT NOT NULL, 
	ended_us BIGINT, 
	CONSTRAINT pk_login_session PRIMARY KEY (id), 
	CONSTRAINT ck_login_session_ends_after_opening CHECK (ended_us IS NULL OR ended_us >= opened_us), 
	CONSTRAINT uq_login_session_secret_digest UNIQUE (secret_digest), 
	CONSTRAINT fk_login_session_account_person_account FOREIGN KEY(account) REFERENCES person_account (name)
)
-- next
CREATE INDEX ix_login_session_account ON login_session (account)
-- next
CREATE INDEX ix_login_session_subject ON login_session (issuer, subject_digest)
-- next
CREATE TRIGGER login_session_no_update BEFORE UPDATE ON login_session WHEN OLD.ended_us IS NOT NULL OR NEW.ended_us IS NULL OR NEW.id <> OLD.id OR NEW.account <> OLD.account OR NEW.issuer <> OLD.issuer BEGIN SELECT RAISE(ABORT, 'login_session does not change so'); END
-- next
CREATE TRIGGER login_session_no_delete BEFORE DELETE ON login_session BEGIN SELECT RAISE(ABORT, 'login_session does not change so'); END
-- next
CREATE TABLE login_binding (
	id VARCHAR(40) NOT NULL, 
	issuer VARCHAR(300) NOT NULL, 
	subject_digest VARCHAR(64) NOT NULL, 
	account VARCHAR(200) NOT NULL, 
	proposed_by VARCHAR(64) NOT NULL, 
	proposed_us BIGINT NOT NULL, 
	confirmed_by VARCHAR(64), 
	since_us BIGINT, 
	ended_us BIGINT, 
	CONSTRAINT pk_login_binding PRIMARY KEY (id), 
	CONSTRAINT ck_login_binding_confirmed CHECK ((since_us IS NULL) = (confirmed_by IS NULL)), 
	CONSTRAINT ck_login_binding_two_people CHECK (confirmed_by IS NULL OR confirmed_by = 'system' OR confirmed_by <> proposed_by), 
	CONSTRAINT fk_login_binding_account_person_account FOREIGN KEY(account) REFERENCES person_account (name)
)
-- next
CREATE UNIQUE INDEX uq_login_binding_standing ON login_binding (issuer, subject_digest) WHERE ended_us IS NULL
-- next
CREATE TRIGGER login_binding_no_update BEFORE UPDATE ON login_binding WHEN OLD.ended_us IS NOT NULL OR NEW.proposed_by <> OLD.proposed_by OR NEW.subject_digest <> OLD.subject_digest OR NEW.id <> OLD.id OR NEW.account <> OLD.account OR NEW.issuer <> OLD.issuer OR (OLD.since_us IS NOT NULL AND (NEW.since_us IS NULL OR NEW.since_us <> OLD.since_us)) BEGIN SELECT RAISE(ABORT, 'login_binding does not change so'); END
-- next
CREATE TRIGGER login_binding_no_delete BEFORE DELETE ON login_binding BEGIN SELECT RAISE(ABORT, 'login_binding does not change so'); END
-- next
CREATE TABLE alert_acknowledgement (
	alert VARCHAR(64) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	entry_index BIGINT NOT NULL, 
	acknowledged_us BIGINT NOT NULL, 
	CONSTRAINT pk_alert_acknowledgement PRIMARY KEY (alert), 
	CONSTRAINT fk_alert_acknowledgement_alert_alert FOREIGN KEY(alert) REFERENCES alert (id), 
	CONSTRAINT fk_alert_acknowledgement_entry_index_entry FOREIGN KEY(entry_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER alert_acknowledgement_no_update BEFORE UPDATE ON alert_acknowledgement BEGIN SELECT RAISE(ABORT, 'alert_acknowledgement does not change so'); END
-- next
CREATE TRIGGER alert_acknowledgement_no_delete BEFORE DELETE ON alert_acknowledgement BEGIN SELECT RAISE(ABORT, 'alert_acknowledgement does not change so'); END
-- next
CREATE TABLE resource (
	dataset_id VARCHAR(64) NOT NULL, 
	dataset VARCHAR(63) NOT NULL, 
	origin VARCHAR(16) NOT NULL, 
	source VARCHAR(64) NOT NULL, 
	derived_from TEXT NOT NULL, 
	created_us BIGINT NOT NULL, 
	CONSTRAINT pk_resource PRIMARY KEY (dataset_id), 
	CONSTRAINT ck_resource_origin CHECK (origin IN ('own', 'purchased', 'shared')), 
	CONSTRAINT ck_resource_source CHECK ((origin = 'shared') = (source <> '')), 
	CONSTRAINT fk_resource_dataset_id_dataset FOREIGN KEY(dataset_id) REFERENCES dataset (id), 
	CONSTRAINT uq_resource_dataset UNIQUE (dataset)
)
-- next
CREATE TRIGGER resource_no_update BEFORE UPDATE ON resource BEGIN SELECT RAISE(ABORT, 'resource does not change so'); END
-- next
CREATE TRIGGER resource_no_delete BEFORE DELETE ON resource BEGIN SELECT RAISE(ABORT, 'resource does not change so'); END
-- next
CREATE TABLE dataset_version (
	id VARCHAR(64) NOT NULL, 
	dataset_id VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	created_us BIGINT NOT NULL, 
	manifest_digest VARCHAR(80) NOT NULL, 
	row_count BIGINT NOT NULL, 
	files TEXT NOT NULL, 
	zone VARCHAR(63) DEFAULT 'public' NOT NULL, 
	CONSTRAINT pk_dataset_version PRIMARY KEY (id), 
	CONSTRAINT uq_dataset_version_number UNIQUE (dataset_id, number), 
	CONSTRAINT ck_dataset_version_number CHECK (number > 0), 
	CONSTRAINT fk_dataset_version_dataset_id_dataset FOREIGN KEY(dataset_id) REFERENCES dataset (id), 
	CONSTRAINT uq_dataset_version_manifest_digest UNIQUE (manifest_digest)
)
-- next
CREATE TRIGGER dataset_version_no_update BEFORE UPDATE ON dataset_version BEGIN SELECT RAISE(ABORT, 'dataset_version does not change so'); END
-- next
CREATE TRIGGER dataset_version_no_delete BEFORE DELETE ON dataset_version BEGIN SELECT RAISE(ABORT, 'dataset_version does not change so'); END
-- next
CREATE TABLE hall_handling (
	matter VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	seat VARCHAR(64) NOT NULL, 
	duty VARCHAR(64) NOT NULL, 
	move VARCHAR(16) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	holder VARCHAR(64) NOT NULL, 
	outcome VARCHAR(24) DEFAULT '' NOT NULL, 
	made_us BIGINT NOT NULL, 
	CONSTRAINT pk_hall_handling PRIMARY KEY (matter, number), 
	CONSTRAINT ck_hall_handling_move CHECK (move IN ('taken', 'handed_over', 'decided')), 
	CONSTRAINT fk_hall_handling_seat_hall_seat FOREIGN KEY(seat) REFERENCES hall_seat (id), 
	CONSTRAINT fk_hall_handling_duty_hall_duty FOREIGN KEY(duty) REFERENCES hall_duty (id), 
	CONSTRAINT fk_hall_handling_person_person FOREIGN KEY(person) REFERENCES person (id)
)
-- next
CREATE INDEX ix_hall_handling_seat ON hall_handling (seat)
-- next
CREATE TRIGGER hall_handling_no_update BEFORE UPDATE ON hall_handling BEGIN SELECT RAISE(ABORT, 'hall_handling does not change so'); END
-- next
CREATE TRIGGER hall_handling_no_delete BEFORE DELETE ON hall_handling BEGIN SELECT RAISE(ABORT, 'hall_handling does not change so'); END
-- next
CREATE TABLE quality_ruleset (
	id VARCHAR(64) NOT NULL, 
	dataset_id VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	document TEXT NOT NULL, 
	declared_by VARCHAR(64) NOT NULL, 
	declared_us BIGINT NOT NULL, 
	CONSTRAINT pk_quality_ruleset PRIMARY KEY (id), 
	CONSTRAINT uq_quality_ruleset_number UNIQUE (dataset_id, number), 
	CONSTRAINT ck_quality_ruleset_number CHECK (number > 0), 
	CONSTRAINT fk_quality_ruleset_dataset_id_dataset FOREIGN KEY(dataset_id) REFERENCES dataset (id)
)
-- next
CREATE INDEX ix_quality_ruleset_dataset_id ON quality_ruleset (dataset_id)
-- next
CREATE TRIGGER quality_ruleset_no_update BEFORE UPDATE ON quality_ruleset BEGIN SELECT RAISE(ABORT, 'quality_ruleset does not change so'); END
-- next
CREATE TRIGGER quality_ruleset_no_delete BEFORE DELETE ON quality_ruleset BEGIN SELECT RAISE(ABORT, 'quality_ruleset does not change so'); END
-- next
CREATE TABLE dataset_steward (
	id VARCHAR(64) NOT NULL, 
	dataset_id VARCHAR(64) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	assigned_by VARCHAR(64) NOT NULL, 
	since_us BIGINT NOT NULL, 
	relieved_by VARCHAR(64), 
	until_us BIGINT, 
	CONSTRAINT pk_dataset_steward PRIMARY KEY (id), 
	CONSTRAINT ck_dataset_steward_relieved CHECK ((relieved_by IS NULL) = (until_us IS NULL)), 
	CONSTRAINT fk_dataset_steward_dataset_id_dataset FOREIGN KEY(dataset_id) REFERENCES dataset (id)
)
-- next
CREATE INDEX ix_dataset_steward_dataset_id ON dataset_steward (dataset_id)
-- next
CREATE UNIQUE INDEX uq_dataset_steward_now ON dataset_steward (dataset_id, person) WHERE until_us IS NULL
-- next
CREATE TRIGGER dataset_steward_no_update BEFORE UPDATE ON dataset_steward WHEN NEW.id <> OLD.id OR NEW.dataset_id <> OLD.dataset_id OR NEW.person <> OLD.person OR NEW.organisation <> OLD.organisation OR NEW.assigned_by <> OLD.assigned_by OR NEW.since_us <> OLD.since_us OR OLD.until_us IS NOT NULL BEGIN SELECT RAISE(ABORT, 'dataset_steward does not change so'); END
-- next
CREATE TRIGGER dataset_steward_no_delete BEFORE DELETE ON dataset_steward BEGIN SELECT RAISE(ABORT, 'dataset_steward does not change so'); END
-- next
CREATE TABLE item_claim (
	id VARCHAR(64) NOT NULL, 
	item VARCHAR(200) NOT NULL, 
	dataset_id VARCHAR(64) NOT NULL, 
	column_name VARCHAR(63) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	matter VARCHAR(64), 
	claimed_by VARCHAR(64) NOT NULL, 
	claimed_us BIGINT NOT NULL, 
	decided_by VARCHAR(64), 
	decided_us BIGINT, 
	CONSTRAINT pk_item_claim PRIMARY KEY (id), 
	CONSTRAINT ck_item_claim_state CHECK (state IN ('authoritative', 'contested', 'refused', 'replaced')), 
	CONSTRAINT ck_item_claim_second_person CHECK (decided_by IS NULL OR decided_by <> claimed_by), 
	CONSTRAINT fk_item_claim_dataset_id_dataset FOREIGN KEY(dataset_id) REFERENCES dataset (id)
)
-- next
CREATE INDEX ix_item_claim_dataset_id ON item_claim (dataset_id)
-- next
CREATE INDEX ix_item_claim_item ON item_claim (item)
-- next
CREATE UNIQUE INDEX uq_item_claim_authoritative ON item_claim (item) WHERE state = 'authoritative'
-- next
CREATE TRIGGER item_claim_no_update BEFORE UPDATE ON item_claim WHEN NEW.id <> OLD.id OR NEW.item <> OLD.item OR NEW.dataset_id <> OLD.dataset_id OR NEW.column_name <> OLD.column_name OR NEW.provider <> OLD.provider OR NEW.claimed_by <> OLD.claimed_by OR NOT (NEW.state = OLD.state OR (OLD.state = 'authoritative' AND NEW.state IN ('replaced')) OR (OLD.state = 'contested' AND NEW.state IN ('authoritative', 'refused'))) BEGIN SELECT RAISE(ABORT, 'item_claim does not change so'); END
-- next
CREATE TRIGGER item_claim_no_delete BEFORE DELETE ON item_claim BEGIN SELECT RAISE(ABORT, 'item_claim does not change so'); END
-- next
CREATE TABLE conformance (
	number INTEGER NOT NULL, 
	dataset_id VARCHAR(64) NOT NULL, 
	version_id VARCHAR(64), 
	"column" VARCHAR(63) NOT NULL, 
	element VARCHAR(40) NOT NULL, 
	rule VARCHAR(20) NOT NULL, 
	row_count BIGINT NOT NULL, 
	at_us BIGINT NOT NULL, 
	CONSTRAINT pk_conformance PRIMARY KEY (number), 
	CONSTRAINT ck_conformance_row_count CHECK (row_count >= 0), 
	CONSTRAINT fk_conformance_dataset_id_dataset FOREIGN KEY(dataset_id) REFERENCES dataset (id)
)
-- next
CREATE INDEX ix_conformance_dataset_id ON conformance (dataset_id)
-- next
CREATE TRIGGER conformance_no_update BEFORE UPDATE ON conformance BEGIN SELECT RAISE(ABORT, 'conformance does not change so'); END
-- next
CREATE TRIGGER conformance_no_delete BEFORE DELETE ON conformance BEGIN SELECT RAISE(ABORT, 'conformance does not change so'); END
-- next
CREATE TABLE posting (
	journal_id VARCHAR(60) NOT NULL, 
	sequence INTEGER NOT NULL, 
	account VARCHAR(500) NOT NULL, 
	fen BIGINT NOT NULL, 
	CONSTRAINT pk_posting PRIMARY KEY (journal_id, sequence), 
	CONSTRAINT ck_posting_fen CHECK (fen <> 0 AND fen BETWEEN -1000000000000000 AND 1000000000000000), 
	CONSTRAINT fk_posting_journal_id_journal FOREIGN KEY(journal_id) REFERENCES journal (id), 
	CONSTRAINT fk_posting_account_account FOREIGN KEY(account) REFERENCES account (code)
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_posting_account ON posting (account, fen)
-- next
CREATE TRIGGER posting_no_update BEFORE UPDATE ON posting BEGIN SELECT RAISE(ABORT, 'posting is append-only'); END
-- next
CREATE TRIGGER posting_no_delete BEFORE DELETE ON posting BEGIN SELECT RAISE(ABORT, 'posting is append-only'); END
-- next
CREATE TRIGGER posting_no_replace BEFORE INSERT ON posting WHEN EXISTS (SELECT 1 FROM posting WHERE journal_id = NEW.journal_id AND sequence = NEW.sequence) BEGIN SELECT RAISE(ABORT, 'posting is append-only'); END
-- next
CREATE TRIGGER posting_not_sealed BEFORE INSERT ON posting WHEN EXISTS (SELECT 1 FROM seal WHERE journal_id = NEW.journal_id) BEGIN SELECT RAISE(ABORT, 'journal is sealed'); END
-- next
CREATE TRIGGER posting_whole_fen BEFORE INSERT ON posting WHEN typeof(NEW.fen) <> 'integer' BEGIN SELECT RAISE(ABORT, 'fen are whole numbers'); END
-- next
CREATE TABLE receipt (
	journal_id VARCHAR(60) NOT NULL, 
	biller VARCHAR(200) NOT NULL, 
	payer VARCHAR(200) NOT NULL, 
	bank_reference VARCHAR(200) NOT NULL, 
	fen BIGINT NOT NULL, 
	CONSTRAINT pk_receipt PRIMARY KEY (journal_id), 
	CONSTRAINT ck_receipt_fen CHECK (fen BETWEEN 0 AND 1000000000000000), 
	CONSTRAINT fk_receipt_journal_id_journal FOREIGN KEY(journal_id) REFERENCES journal (id)
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_receipt_reference ON receipt (biller, bank_reference)
-- next
CREATE TRIGGER receipt_no_update BEFORE UPDATE ON receipt BEGIN SELECT RAISE(ABORT, 'receipt does not change so'); END
-- next
CREATE TRIGGER receipt_no_delete BEFORE DELETE ON receipt BEGIN SELECT RAISE(ABORT, 'receipt does not change so'); END
-- next
CREATE TRIGGER receipt_no_replace_journal_id BEFORE INSERT ON receipt WHEN EXISTS (SELECT 1 FROM receipt WHERE journal_id = NEW.journal_id) BEGIN SELECT RAISE(ABORT, 'receipt does not change so'); END
-- next
CREATE TABLE receipt_match (
	journal_id VARCHAR(60) NOT NULL, 
	period_id VARCHAR(40) NOT NULL, 
	licence VARCHAR(200) NOT NULL, 
	fen BIGINT NOT NULL, 
	CONSTRAINT pk_receipt_match PRIMARY KEY (journal_id, period_id, licence), 
	CONSTRAINT ck_receipt_match_fen CHECK (fen <> 0 AND fen BETWEEN -1000000000000000 AND 1000000000000000), 
	CONSTRAINT fk_receipt_match_journal_id_journal FOREIGN KEY(journal_id) REFERENCES journal (id)
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_receipt_match_pool ON receipt_match (period_id, licence)
-- next
CREATE TRIGGER receipt_match_no_update BEFORE UPDATE ON receipt_match BEGIN SELECT RAISE(ABORT, 'receipt_match does not change so'); END
-- next
CREATE TRIGGER receipt_match_no_delete BEFORE DELETE ON receipt_match BEGIN SELECT RAISE(ABORT, 'receipt_match does not change so'); END
-- next
CREATE TRIGGER receipt_match_no_replace_journal_id_period_id_licence BEFORE INSERT ON receipt_match WHEN EXISTS (SELECT 1 FROM receipt_match WHERE journal_id = NEW.journal_id AND period_id = NEW.period_id AND licence = NEW.licence) BEGIN SELECT RAISE(ABORT, 'receipt_match does not change so'); END
-- next
CREATE TABLE statement_confirmation (
	journal_id VARCHAR(60) NOT NULL, 
	payee VARCHAR(200) NOT NULL, 
	period_id VARCHAR(40) NOT NULL, 
	audit_index BIGINT NOT NULL, 
	confirmed_by VARCHAR(200) NOT NULL, 
	claim_digest VARCHAR(80) NOT NULL, 
	CONSTRAINT pk_statement_confirmation PRIMARY KEY (journal_id, payee), 
	CONSTRAINT fk_statement_confirmation_journal_id_journal FOREIGN KEY(journal_id) REFERENCES journal (id), 
	CONSTRAINT fk_statement_confirmation_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID
-- next
CREATE TRIGGER statement_confirmation_no_update BEFORE UPDATE ON statement_confirmation BEGIN SELECT RAISE(ABORT, 'statement_confirmation does not change so'); END
-- next
CREATE TRIGGER statement_confirmation_no_delete BEFORE DELETE ON statement_confirmation BEGIN SELECT RAISE(ABORT, 'statement_confirmation does not change so'); END
-- next
CREATE TRIGGER statement_confirmation_no_replace_journal_id_payee BEFORE INSERT ON statement_confirmation WHEN EXISTS (SELECT 1 FROM statement_confirmation WHERE journal_id = NEW.journal_id AND payee = NEW.payee) BEGIN SELECT RAISE(ABORT, 'statement_confirmation does not change so'); END
-- next
CREATE TABLE distribution_line (
	journal_id VARCHAR(60) NOT NULL, 
	line VARCHAR(250) NOT NULL, 
	period_id VARCHAR(40) NOT NULL, 
	licence VARCHAR(200) NOT NULL, 
	allotted_fen BIGINT NOT NULL, 
	paid_fen BIGINT NOT NULL, 
	CONSTRAINT pk_distribution_line PRIMARY KEY (journal_id, line), 
	CONSTRAINT ck_distribution_line_allotted_fen CHECK (allotted_fen BETWEEN 0 AND 1000000000000000), 
	CONSTRAINT ck_distribution_line_paid_fen CHECK (paid_fen BETWEEN 0 AND 1000000000000000), 
	CONSTRAINT fk_distribution_line_journal_id_journal FOREIGN KEY(journal_id) REFERENCES journal (id)
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_distribution_line_pool ON distribution_line (period_id, licence)
-- next
CREATE TRIGGER distribution_line_no_update BEFORE UPDATE ON distribution_line BEGIN SELECT RAISE(ABORT, 'distribution_line does not change so'); END
-- next
CREATE TRIGGER distribution_line_no_delete BEFORE DELETE ON distribution_line BEGIN SELECT RAISE(ABORT, 'distribution_line does not change so'); END
-- next
CREATE TRIGGER distribution_line_no_replace_journal_id_line BEFORE INSERT ON distribution_line WHEN EXISTS (SELECT 1 FROM distribution_line WHERE journal_id = NEW.journal_id AND line = NEW.line) BEGIN SELECT RAISE(ABORT, 'distribution_line does not change so'); END
-- next
CREATE TABLE correction (
	journal_id VARCHAR(60) NOT NULL, 
	period_id VARCHAR(40) NOT NULL, 
	licence VARCHAR(200) NOT NULL, 
	audit_index BIGINT NOT NULL, 
	rule_digest VARCHAR(80) NOT NULL, 
	CONSTRAINT pk_correction PRIMARY KEY (journal_id), 
	CONSTRAINT fk_correction_journal_id_journal FOREIGN KEY(journal_id) REFERENCES journal (id), 
	CONSTRAINT fk_correction_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_correction_rule_digest_settlement_rule FOREIGN KEY(rule_digest) REFERENCES settlement_rule (digest)
)
 WITHOUT ROWID
-- next
CREATE INDEX ix_correction_pool ON correction (period_id, licence, audit_index)
-- next
CREATE TRIGGER correction_no_update BEFORE UPDATE ON correction BEGIN SELECT RAISE(ABORT, 'correction does not change so'); END
-- next
CREATE TRIGGER correction_no_delete BEFORE DELETE ON correction BEGIN SELECT RAISE(ABORT, 'correction does not change so'); END
-- next
CREATE TRIGGER correction_no_replace_journal_id BEFORE INSERT ON correction WHEN EXISTS (SELECT 1 FROM correction WHERE journal_id = NEW.journal_id) BEGIN SELECT RAISE(ABORT, 'correction does not change so'); END
-- next
CREATE TABLE dispute_move (
	dispute VARCHAR(60) NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	audit_index BIGINT NOT NULL, 
	person VARCHAR(200) NOT NULL, 
	journal_id VARCHAR(60), 
	CONSTRAINT pk_dispute_move PRIMARY KEY (dispute, state), 
	CONSTRAINT ck_dispute_move_state CHECK (state IN ('held', 'upheld', 'dismissed')), 
	CONSTRAINT fk_dispute_move_dispute_dispute FOREIGN KEY(dispute) REFERENCES dispute (id), 
	CONSTRAINT fk_dispute_move_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_dispute_move_journal_id_journal FOREIGN KEY(journal_id) REFERENCES journal (id)
)
 WITHOUT ROWID
-- next
CREATE TRIGGER dispute_move_no_update BEFORE UPDATE ON dispute_move BEGIN SELECT RAISE(ABORT, 'dispute_move does not change so'); END
-- next
CREATE TRIGGER dispute_move_no_delete BEFORE DELETE ON dispute_move BEGIN SELECT RAISE(ABORT, 'dispute_move does not change so'); END
-- next
CREATE TRIGGER dispute_move_no_replace_dispute_state BEFORE INSERT ON dispute_move WHEN EXISTS (SELECT 1 FROM dispute_move WHERE dispute = NEW.dispute AND state = NEW.state) BEGIN SELECT RAISE(ABORT, 'dispute_move does not change so'); END
-- next
CREATE TABLE payout_result (
	end_to_end_id VARCHAR(35) NOT NULL, 
	audit_index BIGINT NOT NULL, 
	status VARCHAR(10) NOT NULL, 
	reason_code VARCHAR(35) NOT NULL, 
	journal_id VARCHAR(60), 
	CONSTRAINT pk_payout_result PRIMARY KEY (end_to_end_id), 
	CONSTRAINT ck_payout_result_status CHECK (status IN ('paid', 'failed')), 
	CONSTRAINT ck_payout_result_journal CHECK ((status = 'paid') = (journal_id IS NOT NULL)), 
	CONSTRAINT fk_payout_result_end_to_end_id_payout_line FOREIGN KEY(end_to_end_id) REFERENCES payout_line (end_to_end_id), 
	CONSTRAINT fk_payout_result_audit_index_entry FOREIGN KEY(audit_index) REFERENCES entry (idx) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_payout_result_journal_id_journal FOREIGN KEY(journal_id) REFERENCES journal (id)
)
 WITHOUT ROWID
-- next
CREATE TRIGGER payout_result_no_update BEFORE UPDATE ON payout_result BEGIN SELECT RAISE(ABORT, 'payout_result does not change so'); END
-- next
CREATE TRIGGER payout_result_no_delete BEFORE DELETE ON payout_result BEGIN SELECT RAISE(ABORT, 'payout_result does not change so'); END
-- next
CREATE TRIGGER payout_result_no_replace_end_to_end_id BEFORE INSERT ON payout_result WHEN EXISTS (SELECT 1 FROM payout_result WHERE end_to_end_id = NEW.end_to_end_id) BEGIN SELECT RAISE(ABORT, 'payout_result does not change so'); END
-- next
CREATE TABLE quality_measurement (
	id VARCHAR(64) NOT NULL, 
	dataset_id VARCHAR(64) NOT NULL, 
	version_id VARCHAR(64) NOT NULL, 
	ruleset INTEGER NOT NULL, 
	rules_version VARCHAR(120) NOT NULL, 
	sealed BLOB NOT NULL, 
	key_name VARCHAR(160) NOT NULL, 
	measured_by VARCHAR(64) NOT NULL, 
	measured_us BIGINT NOT NULL, 
	entry_index BIGINT NOT NULL, 
	CONSTRAINT pk_quality_measurement PRIMARY KEY (id), 
	CONSTRAINT fk_quality_measurement_dataset_id_dataset FOREIGN KEY(dataset_id) REFERENCES dataset (id), 
	CONSTRAINT fk_quality_measurement_version_id_dataset_version FOREIGN KEY(version_id) REFERENCES dataset_version (id), 
	CONSTRAINT uq_quality_measurement_entry_index UNIQUE (entry_index)
)
-- next
CREATE INDEX ix_quality_measurement_dataset_id ON quality_measurement (dataset_id)
-- next
CREATE TRIGGER quality_measurement_no_update BEFORE UPDATE ON quality_measurement BEGIN SELECT RAISE(ABORT, 'quality_measurement does not change so'); END
-- next
CREATE TRIGGER quality_measurement_no_delete BEFORE DELETE ON quality_measurement BEGIN SELECT RAISE(ABORT, 'quality_measurement does not change so'); END
-- next
CREATE TABLE source_comparison (
	id VARCHAR(64) NOT NULL, 
	item VARCHAR(200) NOT NULL, 
	left_dataset VARCHAR(64) NOT NULL, 
	right_dataset VARCHAR(64) NOT NULL, 
	left_version VARCHAR(64) NOT NULL, 
	right_version VARCHAR(64) NOT NULL, 
	document TEXT NOT NULL, 
	counts BLOB NOT NULL, 
	left_keys BLOB NOT NULL, 
	right_keys BLOB NOT NULL, 
	key_name VARCHAR(160) NOT NULL, 
	ordered_by VARCHAR(64) NOT NULL, 
	compared_us BIGINT NOT NULL, 
	CONSTRAINT pk_source_comparison PRIMARY KEY (id), 
	CONSTRAINT ck_source_comparison_two CHECK (left_dataset <> right_dataset), 
	CONSTRAINT fk_source_comparison_left_dataset_dataset FOREIGN KEY(left_dataset) REFERENCES dataset (id), 
	CONSTRAINT fk_source_comparison_right_dataset_dataset FOREIGN KEY(right_dataset) REFERENCES dataset (id), 
	CONSTRAINT fk_source_comparison_left_version_dataset_version FOREIGN KEY(left_version) REFERENCES dataset_version (id), 
	CONSTRAINT fk_source_comparison_right_version_dataset_version FOREIGN KEY(right_version) REFERENCES dataset_version (id)
)
-- next
CREATE TRIGGER source_comparison_no_update BEFORE UPDATE ON source_comparison BEGIN SELECT RAISE(ABORT, 'source_comparison does not change so'); END
-- next
CREATE TRIGGER source_comparison_no_delete BEFORE DELETE ON source_comparison BEGIN SELECT RAISE(ABORT, 'source_comparison does not change so'); END
-- next
CREATE TABLE quality_suggestion_decision (
	measurement VARCHAR(64) NOT NULL, 
	place INTEGER NOT NULL, 
	outcome VARCHAR(16) NOT NULL, 
	reason TEXT NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	decided_us BIGINT NOT NULL, 
	CONSTRAINT pk_quality_suggestion_decision PRIMARY KEY (measurement, place), 
	CONSTRAINT ck_quality_suggestion_decision_outcome CHECK (outcome IN ('accepted', 'declined')), 
	CONSTRAINT ck_quality_suggestion_decision_reason CHECK (reason <> ''), 
	CONSTRAINT fk_quality_suggestion_decision_measurement_quality_measurement FOREIGN KEY(measurement) REFERENCES quality_measurement (id)
)
-- next
CREATE TRIGGER quality_suggestion_decision_no_update BEFORE UPDATE ON quality_suggestion_decision BEGIN SELECT RAISE(ABORT, 'quality_suggestion_decision does not change so'); END
-- next
CREATE TRIGGER quality_suggestion_decision_no_delete BEFORE DELETE ON quality_suggestion_decision BEGIN SELECT RAISE(ABORT, 'quality_suggestion_decision does not change so'); END
-- next
CREATE TABLE quality_score_release (
	measurement VARCHAR(64) NOT NULL, 
	dataset_id VARCHAR(64) NOT NULL, 
	version_id VARCHAR(64) NOT NULL, 
	band VARCHAR(20) NOT NULL, 
	released_by VARCHAR(64) NOT NULL, 
	released_us BIGINT NOT NULL, 
	CONSTRAINT pk_quality_score_release PRIMARY KEY (measurement), 
	CONSTRAINT fk_quality_score_release_measurement_quality_measurement FOREIGN KEY(measurement) REFERENCES quality_measurement (id), 
	CONSTRAINT fk_quality_score_release_dataset_id_dataset FOREIGN KEY(dataset_id) REFERENCES dataset (id), 
	CONSTRAINT fk_quality_score_release_version_id_dataset_version FOREIGN KEY(version_id) REFERENCES dataset_version (id)
)
-- next
CREATE INDEX ix_quality_score_release_dataset_id ON quality_score_release (dataset_id)
-- next
CREATE TRIGGER quality_score_release_no_update BEFORE UPDATE ON quality_score_release BEGIN SELECT RAISE(ABORT, 'quality_score_release does not change so'); END
-- next
CREATE TRIGGER quality_score_release_no_delete BEFORE DELETE ON quality_score_release BEGIN SELECT RAISE(ABORT, 'quality_score_release does not change so'); END
-- next
CREATE TABLE data_correction (
	id VARCHAR(64) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	target VARCHAR(16) NOT NULL, 
	dataset_id VARCHAR(64), 
	entry_id VARCHAR(64) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	claim TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	comparison VARCHAR(64), 
	state VARCHAR(16) NOT NULL, 
	matter VARCHAR(64), 
	referral VARCHAR(64), 
	case_number VARCHAR(40) NOT NULL, 
	raised_us BIGINT NOT NULL, 
	referred_by VARCHAR(64), 
	handler_person VARCHAR(64), 
	judged_us BIGINT, 
	fixed_by VARCHAR(64), 
	answer TEXT DEFAULT '' NOT NULL, 
	closed_us BIGINT, 
	CONSTRAINT pk_data_correction PRIMARY KEY (id), 
	CONSTRAINT ck_data_correction_kind CHECK (kind IN ('correction', 'objection')), 
	CONSTRAINT ck_data_correction_target CHECK (target IN ('dataset', 'entry')), 
	CONSTRAINT ck_data_correction_about CHECK ((target = 'dataset') = (dataset_id IS NOT NULL)), 
	CONSTRAINT ck_data_correction_grounds CHECK (claim <> '' AND evidence <> ''), 
	CONSTRAINT ck_data_correction_handler CHECK (handler_person IS NULL OR handler_person <> person), 
	CONSTRAINT ck_data_correction_referrer CHECK (referred_by IS NULL OR referred_by <> person), 
	CONSTRAINT ck_data_correction_judged CHECK ((state IN ('upheld', 'corrected', 'answered', 'refused')) = (handler_person IS NOT NULL)), 
	CONSTRAINT ck_data_correction_corrected CHECK ((state IN ('corrected', 'answered')) = (fixed_by IS NOT NULL)), 
	CONSTRAINT ck_data_correction_answered CHECK ((state IN ('answered', 'refused')) = (answer <> '')), 
	CONSTRAINT ck_data_correction_closed CHECK ((state IN ('answered', 'refused', 'withdrawn')) = (closed_us IS NOT NULL)), 
	CONSTRAINT fk_data_correction_dataset_id_dataset FOREIGN KEY(dataset_id) REFERENCES dataset (id), 
	CONSTRAINT fk_data_correction_comparison_source_comparison FOREIGN KEY(comparison) REFERENCES source_comparison (id)
)
-- next
CREATE INDEX ix_data_correction_dataset_id ON data_correction (dataset_id)
-- next
CREATE INDEX ix_data_correction_entry_id ON data_correction (entry_id)
-- next
CREATE INDEX ix_data_correction_organisation ON data_correction (organisation)
-- next
CREATE INDEX ix_data_correction_person ON data_correction (person, raised_us)
-- next
CREATE INDEX ix_data_correction_provider ON data_correction (provider)
-- next
CREATE INDEX ix_data_correction_state ON data_correction (state)
-- next
CREATE TRIGGER data_correction_no_update BEFORE UPDATE ON data_correction WHEN NEW.id <> OLD.id OR NEW.kind <> OLD.kind OR NEW.target <> OLD.target OR NEW.provider <> OLD.provider OR NEW.organisation <> OLD.organisation OR NEW.person <> OLD.person OR NEW.claim <> OLD.claim OR NEW.case_number <> OLD.case_number OR NEW.raised_us <> OLD.raised_us OR OLD.state IN ('answered', 'refused', 'withdrawn') OR (OLD.handler_person IS NOT NULL AND NEW.handler_person <> OLD.handler_person) OR (OLD.fixed_by IS NOT NULL AND NEW.fixed_by <> OLD.fixed_by) OR NOT (NEW.state = OLD.state OR (OLD.state = 'raised' AND NEW.state IN ('referred', 'withdrawn')) OR (OLD.state = 'referred' AND NEW.state IN ('upheld', 'refused', 'withdrawn')) OR (OLD.state = 'upheld' AND NEW.state IN ('corrected')) OR (OLD.state = 'corrected' AND NEW.state IN ('answered'))) BEGIN SELECT RAISE(ABORT, 'data_correction does not change so'); END
-- next
CREATE TRIGGER data_correction_no_delete BEFORE DELETE ON data_correction BEGIN SELECT RAISE(ABORT, 'data_correction does not change so'); END
-- next
CREATE TABLE data_correction_move (
	correction VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	move VARCHAR(16) NOT NULL, 
	person VARCHAR(64) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	note TEXT NOT NULL, 
	entry_index BIGINT NOT NULL, 
	moved_us BIGINT NOT NULL, 
	CONSTRAINT pk_data_correction_move PRIMARY KEY (correction, number), 
	CONSTRAINT fk_data_correction_move_correction_data_correction FOREIGN KEY(correction) REFERENCES data_correction (id)
)
-- next
CREATE TRIGGER data_correction_move_no_update BEFORE UPDATE ON data_correction_move BEGIN SELECT RAISE(ABORT, 'data_correction_move does not change so'); END
-- next
CREATE TRIGGER data_correction_move_no_delete BEFORE DELETE ON data_correction_move BEGIN SELECT RAISE(ABORT, 'data_correction_move does not change so'); END
-- next
CREATE TABLE affected_output (
	correction VARCHAR(64) NOT NULL, 
	output VARCHAR(80) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	licence VARCHAR(80) NOT NULL, 
	organisation VARCHAR(64) NOT NULL, 
	title_zh TEXT NOT NULL, 
	title_en TEXT NOT NULL, 
	flagged_us BIGINT NOT NULL, 
	CONSTRAINT pk_affected_output PRIMARY KEY (correction, output), 
	CONSTRAINT fk_affected_output_correction_data_correction FOREIGN KEY(correction) REFERENCES data_correction (id)
)
-- next
CREATE INDEX ix_affected_output_organisation ON affected_output (organisation)
-- next
CREATE TRIGGER affected_output_no_update BEFORE UPDATE ON affected_output BEGIN SELECT RAISE(ABORT, 'affected_output does not change so'); END
-- next
CREATE TRIGGER affected_output_no_delete BEFORE DELETE ON affected_output BEGIN SELECT RAISE(ABORT, 'affected_output does not change so'); END
