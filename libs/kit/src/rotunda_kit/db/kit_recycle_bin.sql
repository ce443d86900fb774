ALTER TABLE share ADD COLUMN purge_time timestamp with time zone;
