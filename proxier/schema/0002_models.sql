-- What a device supports stands once for all devices that support the same: their records keep its hash.
CREATE TABLE models (
  hash    TEXT NOT NULL PRIMARY KEY,  -- SHA-256 of the JSON, in hexadecimal digits
  content BLOB NOT NULL               -- the JSON, compressed by zlib
);

INSERT OR IGNORE INTO models
  SELECT content_hash(value), compressed(value) FROM records WHERE key = 'cms.model';
UPDATE records SET value = '"' || content_hash(value) || '"' WHERE key = 'cms.model';

-- What was read of the configuration's data models; it may be lost, and is then read of their files again.
CREATE TABLE data_models (
  file_hash TEXT NOT NULL PRIMARY KEY,
  content   BLOB NOT NULL
);

ALTER TABLE devices ADD COLUMN model_name TEXT NOT NULL DEFAULT '';  -- as the description says
