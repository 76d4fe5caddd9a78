-- Times are ISO 8601 in UTC; columns that hold a list or any other value hold it as JSON.

CREATE TABLE devices (
  device_id               TEXT NOT NULL PRIMARY KEY,  -- OUI-ProductClass-SerialNumber
  number                  INTEGER NOT NULL UNIQUE,    -- VirtualDevice.{i}
  oui                     TEXT NOT NULL,
  product_class           TEXT NOT NULL,
  serial_number           TEXT NOT NULL,
  manufacturer            TEXT NOT NULL,
  identity_origin         TEXT NOT NULL,
  udn                     TEXT NOT NULL,
  other_udns              TEXT NOT NULL,
  mac                     TEXT NOT NULL,
  location                TEXT NOT NULL,
  services                TEXT NOT NULL,
  lacks                   TEXT NOT NULL,
  connection_request_path TEXT NOT NULL,
  first_seen              TEXT NOT NULL,
  last_seen               TEXT NOT NULL,
  last_session            TEXT,
  last_session_outcome    TEXT
) WITHOUT ROWID;

-- What an endpoint keeps: of a virtual device, or of the proxier itself under an id of its own.
CREATE TABLE records (
  device_id TEXT NOT NULL,
  key       TEXT NOT NULL,
  value     TEXT NOT NULL,
  PRIMARY KEY (device_id, key)
) WITHOUT ROWID;

-- A row of a device's table; one that is gone stays, without the device's number, so that its own is not used again.
CREATE TABLE instances (
  device_id   TEXT NOT NULL,
  table_path  TEXT NOT NULL,
  number      INTEGER NOT NULL,
  upnp_number INTEGER,
  PRIMARY KEY (device_id, table_path, number)
) WITHOUT ROWID;

CREATE TABLE meta (
  key   TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
