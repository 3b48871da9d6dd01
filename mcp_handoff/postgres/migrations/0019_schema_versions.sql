-- compatible: which programs a store still serves is theirs to ask.
-- Of each version that a program brought the schema to, the oldest whose programs can use it too.
CREATE TABLE schema_versions (
    version     INTEGER NOT NULL PRIMARY KEY,
    serves_from INTEGER NOT NULL
);
