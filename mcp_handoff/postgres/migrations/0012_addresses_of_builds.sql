-- Where a build can be watched, whether a run makes it or it was made elsewhere.
ALTER TABLE builds ADD COLUMN url TEXT;
UPDATE builds SET url = (SELECT r.url FROM build_runs r WHERE r.build_id = builds.id)
    WHERE id IN (SELECT r.build_id FROM build_runs r WHERE r.url IS NOT NULL);
