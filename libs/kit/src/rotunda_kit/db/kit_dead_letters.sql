-- Dead letters that can be settled. Never edited: changes are versions of each service.

ALTER TABLE dead_letter
    ADD COLUMN key TEXT,
    ADD COLUMN tries INTEGER DEFAULT 1 NOT NULL,
    ADD COLUMN description TEXT DEFAULT '' NOT NULL,
    ADD COLUMN state TEXT DEFAULT 'WAITING' NOT NULL,
    ADD COLUMN settle_time TIMESTAMP WITH TIME ZONE;

CREATE UNIQUE INDEX dead_letter_waiting_key ON dead_letter (consumer, key) WHERE state = 'WAITING';
