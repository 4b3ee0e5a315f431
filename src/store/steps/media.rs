//! Parts that were removed while their message stays, and whether anybody has had them.

/// The triggers note who has had a message in the commit that says so, whichever function makes it.
pub(in crate::store) const MEDIA: &str = "
-- When the octets of its parts were removed; their names, sizes and digests stay.
ALTER TABLE message ADD COLUMN parts_removed_at INTEGER;
-- When what came was first taken by a receiver, or opened or marked as read by a person.
ALTER TABLE message ADD COLUMN seen_at INTEGER;
-- When the octets were removed that went over the line.
ALTER TABLE message ADD COLUMN raw_removed_at INTEGER;

UPDATE message SET seen_at = (SELECT read_at FROM inbound WHERE message_id = message.id)
WHERE direction = 'in';
UPDATE message SET seen_at = coalesce(seen_at, updated_at)
WHERE id IN (SELECT message_id FROM event JOIN event_delivery ON event = seq
             WHERE event_delivery.state = 'delivered' AND type = 'message.received');

CREATE TRIGGER message_taken AFTER UPDATE OF state ON event_delivery
WHEN new.state = 'delivered' AND old.state <> 'delivered'
BEGIN
    UPDATE message SET seen_at = coalesce(new.settled_at, new.created_at)
    WHERE seen_at IS NULL
      AND id = (SELECT message_id FROM event WHERE seq = new.event AND type = 'message.received');
END;

CREATE TRIGGER message_read AFTER UPDATE OF read_at ON inbound
WHEN new.read_at IS NOT NULL AND old.read_at IS NULL
BEGIN
    UPDATE message SET seen_at = new.read_at WHERE id = new.message_id AND seen_at IS NULL;
END;

CREATE INDEX event_message ON event (message_id) WHERE message_id IS NOT NULL;
";
