-- compatible: a program that knows of no old secrets takes the new ones alone.
-- What is kept of the secret that a token had before its rotation, and until when that works too.
ALTER TABLE tokens ADD COLUMN old_digest TEXT;
ALTER TABLE tokens ADD COLUMN old_secret_until TEXT;
