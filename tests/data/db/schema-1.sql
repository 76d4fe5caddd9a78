-- What proxier of schema 1 had written: three devices, two of them with the same data model.
PRAGMA user_version = 1;
BEGIN TRANSACTION;
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
INSERT INTO "devices" VALUES('00D09E-Lamp-ä''7',2,'00D09E','Lamp','ä''7','A & B','description','uuid:2','["uuid:3","uuid:4"]','00D09E000001','http://192.168.1.2/d.xml','["CMS:2","BMS:1"]','["a reboot action"]','abc','2026-05-04T12:00:00.123456+00:00','2026-05-04T12:00:00.123456+00:00','2026-05-04T12:00:01.123456+00:00','success');
INSERT INTO "devices" VALUES('00D09E-Meter-42',1,'00D09E','Meter','42','','','uuid:1','[]','','http://192.168.1.2/d.xml','[]','[]','','2026-05-04T12:00:00.123456+00:00','2026-05-04T12:00:00.123456+00:00',NULL,NULL);
INSERT INTO "devices" VALUES('00D09E-Meter-43',3,'00D09E','Meter','43','','','uuid:9','[]','','http://192.168.1.2/d.xml','[]','[]','','2026-05-04T12:00:00.123456+00:00','2026-05-04T12:00:00.123456+00:00',NULL,NULL);
CREATE TABLE instances (
  device_id   TEXT NOT NULL,
  table_path  TEXT NOT NULL,
  number      INTEGER NOT NULL,
  upnp_number INTEGER,
  PRIMARY KEY (device_id, table_path, number)
) WITHOUT ROWID;
INSERT INTO "instances" VALUES('00D09E-Lamp-ä''7','Device.Hosts.Host.',1,0);
INSERT INTO "instances" VALUES('00D09E-Lamp-ä''7','Device.Hosts.Host.',4,3);
INSERT INTO "instances" VALUES('00D09E-Lamp-ä''7','Device.NAT.PortMapping.',1,0);
INSERT INTO "instances" VALUES('00D09E-Lamp-ä''7','Device.NAT.PortMapping.',2,NULL);
INSERT INTO "instances" VALUES('00D09E-Meter-42','Device.Hosts.Host.',1,0);
INSERT INTO "instances" VALUES('00D09E-Meter-42','Device.Hosts.Host.',4,3);
INSERT INTO "instances" VALUES('00D09E-Meter-42','Device.NAT.PortMapping.',1,0);
INSERT INTO "instances" VALUES('00D09E-Meter-42','Device.NAT.PortMapping.',2,NULL);
CREATE TABLE meta (
  key   TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "meta" VALUES('connection_request_port','7547');
INSERT INTO "meta" VALUES('last_virtual_device_number','3');
CREATE TABLE records (
  device_id TEXT NOT NULL,
  key       TEXT NOT NULL,
  value     TEXT NOT NULL,
  PRIMARY KEY (device_id, key)
) WITHOUT ROWID;
INSERT INTO "records" VALUES('00D09E-Lamp-ä''7','cms.model','{"subtrees":[["urn:broadband-forum-org:tr-181-2-0","/BBF/"],["urn:schemas-upnp-org:dm:common","/UPnP/DM/"]],"nodes":[["/BBF/DeviceInfo/SoftwareVersion","",null,false],["/BBF/DeviceInfo/UpTime","unsignedInt",null,false],["/BBF/Time/Enable","boolean",true,false],["/BBF/Time/NTPServer1","string",true,false],["/BBF/Hosts/HostNumberOfEntries","unsignedInt",null,false],["/BBF/Hosts/Host/","",null,false],["/BBF/Hosts/Host/#/HostName","",null,false],["/BBF/Hosts/Host/#/Active","boolean",null,false],["/BBF/NAT/PortMapping/","",true,false],["/BBF/NAT/PortMapping/#/Enable","boolean",true,false],["/BBF/NAT/PortMapping/#/InternalPort","unsignedInt",true,false],["/UPnP/DM/DeviceInfo/PhysicalDevice/HardwareVersion","",null,false]]}');
INSERT INTO "records" VALUES('00D09E-Lamp-ä''7','cms.versions','{"SupportedParametersUpdate":"1"}');
INSERT INTO "records" VALUES('00D09E-Lamp-ä''7','outbox','{"events":[]}');
INSERT INTO "records" VALUES('00D09E-Meter-42','cms.model','{"subtrees":[["urn:broadband-forum-org:tr-181-2-0","/BBF/"],["urn:schemas-upnp-org:dm:common","/UPnP/DM/"]],"nodes":[["/BBF/DeviceInfo/SoftwareVersion","",null,false],["/BBF/DeviceInfo/UpTime","unsignedInt",null,false],["/BBF/Time/Enable","boolean",true,false],["/BBF/Time/NTPServer1","string",true,false],["/BBF/Hosts/HostNumberOfEntries","unsignedInt",null,false],["/BBF/Hosts/Host/","",null,false],["/BBF/Hosts/Host/#/HostName","",null,false],["/BBF/Hosts/Host/#/Active","boolean",null,false],["/BBF/NAT/PortMapping/","",true,false],["/BBF/NAT/PortMapping/#/Enable","boolean",true,false],["/BBF/NAT/PortMapping/#/InternalPort","unsignedInt",true,false],["/UPnP/DM/DeviceInfo/PhysicalDevice/HardwareVersion","",null,false]]}');
INSERT INTO "records" VALUES('00D09E-Meter-42','cms.versions','{"SupportedParametersUpdate":"1"}');
INSERT INTO "records" VALUES('00D09E-Meter-42','outbox','{"events":[]}');
INSERT INTO "records" VALUES('00D09E-Meter-43','cms.model','{"subtrees":[],"nodes":[["/BBF/Time/Enable"]]}');
INSERT INTO "records" VALUES('gateway','management_server','{"ParameterKey":"k"}');
COMMIT;
