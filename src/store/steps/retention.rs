//! What removing a message looks up.

/// Without these indexes every removal would read the tables that point to what is removed.
pub(in crate::store) const RETENTION: &str = "
CREATE INDEX message_updated ON message (updated_at);
CREATE INDEX tpdu_push ON tpdu (push_id) WHERE push_id IS NOT NULL;
CREATE INDEX tpdu_sms ON tpdu (sms_id) WHERE sms_id IS NOT NULL;
CREATE INDEX push_message ON push (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX sms_message ON sms (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX report_push ON report (push_id) WHERE push_id IS NOT NULL;
CREATE INDEX report_recipient ON report (recipient_id) WHERE recipient_id IS NOT NULL;
CREATE INDEX sms_report_segment ON sms_report (segment_id) WHERE segment_id IS NOT NULL;
";
