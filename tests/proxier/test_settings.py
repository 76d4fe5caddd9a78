from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from msgspec.structs import fields, replace

from proxier.settings import (
    SYSTEM_CONFIG,
    AcsSettings,
    DeviceSettings,
    LogSettings,
    Settings,
    SettingsError,
    StorageSettings,
    UpnpSettings,
    find_config,
    in_force,
    load,
)
from proxier.settings_rules import MASK

URL = "http://acs.example:7547/"

DEFAULTS = {
    "acs": {
        "url": URL,
        "username": "",
        "password": "",
        "periodic_inform_enable": True,
        "periodic_inform_interval": 86400,
        "retry_minimum_wait": 5,
        "retry_interval_multiplier": 2000,
        "request_timeout": 30,
        "ca_file": "",
        "client_certificate": "",
        "client_key": "",
        "allow_basic_without_tls": False,
        "max_sessions": 32,
    },
    "identity": {
        "enable": True,
        "manufacturer": "Open Proxier",
        "oui": "000000",
        "product_class": "CPEProxier",
        "serial_number": "",
    },
    "connection_request": {"host": "0.0.0.0", "port": 7547, "public_url": "", "username": "", "password": ""},
    "upnp": {
        "interfaces": [],
        "search_interval": 60,
        "action_timeout": 30,
        "callback_host": "",
        "callback_port": 0,
        "locations": [],
        "allow": [],
        "deny": [],
        "strict": False,
    },
    "firmware": {"relay": "auto", "time_out": 3600, "largest_image": 1073741824},
    "storage": {"url": "sqlite:///proxier.db"},
    "log": {
        "level": "info",
        "format": "text",
        "levels": {"cwmp": "", "control_point": "", "devices": "", "files": "", "status": ""},
    },
    "status": {"host": "127.0.0.1", "port": 0, "username": "proxier", "password": "", "names": []},
}


def written(folder: Path, text: str) -> Path:
    path = folder / "proxier.toml"
    path.write_text(text, encoding="utf-8")
    return path


def with_url(*lines: str) -> str:
    return "\n".join(("[acs]", f'url = "{URL}"', *lines))


def test_only_the_url_is_required_and_the_rest_has_the_promised_defaults(tmp_path: Path) -> None:
    settings = load(written(tmp_path, with_url()))
    at_home = StorageSettings(url=f"sqlite:///{tmp_path}/proxier.db")
    assert settings == Settings(acs=AcsSettings(url=URL), storage=at_home)
    assert tomllib.loads(in_force(Settings(acs=AcsSettings(url=URL)))) == DEFAULTS


def test_every_key_can_be_set(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem", "gadget.xml"):
        (tmp_path / name).touch()
    text = """
        [acs]
        url = "https://acs.example/cwmp?tenant=1"
        username = "u"
        password = "p"
        periodic_inform_enable = false
        periodic_inform_interval = 300
        retry_minimum_wait = 1
        retry_interval_multiplier = 1000
        request_timeout = 2.5
        ca_file = "ca.pem"
        client_certificate = "cert.pem"
        client_key = "key.pem"
        allow_basic_without_tls = true
        max_sessions = 1
        [identity]
        enable = false
        manufacturer = "M"
        oui = "00D09E"
        product_class = ""
        serial_number = "1"
        [connection_request]
        host = "127.0.0.1"
        port = 0
        public_url = "http://home.example:8080/cpe"
        username = "acs"
        password = "secret"
        [upnp]
        interfaces = ["br-lan", "192.168.1.1"]
        search_interval = 1
        action_timeout = 0.5
        callback_host = "192.168.1.1"
        callback_port = 5000
        locations = ["http://192.168.1.2:80/description.xml"]
        allow = ["00D09E-*"]
        deny = ["uuid:*"]
        strict = true
        [firmware]
        relay = "never"
        time_out = 60
        largest_image = 1048576
        [storage]
        url = "sqlite:////var/lib/proxier/proxier.db"
        [log]
        level = "debug"
        format = "json"
        [log.levels]
        cwmp = "error"
        control_point = "debug"
        devices = "info"
        files = "warning"
        status = "error"
        [status]
        host = "0.0.0.0"
        port = 8080
        username = "me"
        password = "secret"
        names = ["proxier.lan"]
        [[data_models]]
        file = "gadget.xml"
        oui = "00D09E"
        product_class = "Gadget*"
        model = "G?"
        url = "https://models.example/gadget.xml"
        [[devices]]
        match = "uuid:1*"
        instance_offset = 0
        values_per_call = 50
        attributes_per_call = 10
    """
    settings = load(written(tmp_path, text))
    assert settings.acs.ca_file == str(tmp_path / "ca.pem")
    assert settings.acs.request_timeout == 2.5
    assert settings.upnp.interfaces == ("br-lan", "192.168.1.1")
    assert settings.storage.path == Path("/var/lib/proxier/proxier.db")
    assert settings.data_models[0].file == str(tmp_path / "gadget.xml")
    document = tomllib.loads(text)
    pairs = [(getattr(settings, field.name), document[field.name]) for field in fields(settings)]
    for read, stated in [*pairs, (settings.log.levels, document["log"]["levels"])]:
        section, table = (read[0], stated[0]) if isinstance(read, tuple) else (read, stated)
        for key in fields(section):
            assert key.name in table, "the file above leaves nothing out"
            assert getattr(section, key.name) != key.default, "and repeats no default"


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        (["max_session = 3"], 3, "acs.max_session is unknown; did you mean acs.max_sessions?"),
        (["xyzzy = 3"], 3, "acs.xyzzy is unknown; known are url, username, "),
        (["", "# a comment", "[storge]", 'url = "x"'], 5, "storge is unknown; did you mean storage?"),
        (["max_sessions = 0"], 3, "acs.max_sessions is 0, and must be 1 to 10000"),
        (["max_sessions = 1.5"], 3, "acs.max_sessions must be a whole number, and is a number"),
        (["max_sessions = true"], 3, "acs.max_sessions must be a whole number, and is true or false"),
        (["max_sessions = 2026-01-01"], 3, "acs.max_sessions must be a whole number, and is a date or time"),
        (["request_timeout = nan"], 3, "acs.request_timeout is nan, and must be 0.1 to 86400"),
        (["request_timeout = inf"], 3, "acs.request_timeout is inf, and must be 0.1 to 86400"),
        (
            ["retry_interval_multiplier = 2"],
            3,
            "acs.retry_interval_multiplier is 2, and must be 1000 to 65535",
        ),
        (["username = 7"], 3, "acs.username must be a text in quotes, and is a whole number"),
        ([f'username = "{"x" * 257}"'], 3, "acs.username has 257 characters, and may have 256"),
        (['username = "a\\nb"'], 3, "acs.username has a character that cannot be printed: '\\n'"),
        (['password = "hush\\u0007"'], 3, "acs.password has a character that cannot be printed: '\\x07'"),
        (['ca_file = "none.pem"'], 3, "acs.ca_file names "),
        (["[identity]", 'oui = "00d09e"'], 4, "identity.oui is '00d09e', and must be six upper-case hex"),
        (
            ["[connection_request]", "port = 65536"],
            4,
            "connection_request.port is 65536, and must be 0 to 65535",
        ),
        (
            ["[connection_request]", 'public_url = "x"'],
            4,
            "connection_request.public_url is 'x', and must be empty",
        ),
        (["[upnp]", 'locations = "http://a/"'], 4, "upnp.locations must be a list, and is a text in quotes"),
        (
            ["[upnp]", "locations = [", '"http://a/",', '"b"', "]"],
            4,
            "upnp.locations item 2 is 'b', and must be a URL",
        ),
        (["[upnp]", 'note = """', "allow", '"""', "allow = 1"], 7, "upnp.allow must be a list"),
        (["[upnp]", 'interfaces = [""]'], 4, "upnp.interfaces item 1 is '', and must be more than nothing"),
        (
            ["[upnp]", 'allow = ["a", 1]'],
            4,
            "upnp.allow item 2 must be a text in quotes, and is a whole number",
        ),
        (
            ["[storage]", 'url = "postgresql://db/x"'],
            4,
            "storage.url is 'postgresql://db/x', and must be sqlite:",
        ),
        (["[storage]", 'url = "sqlite:///"'], 4, "storage.url is 'sqlite:///', and must be sqlite:/// with"),
        (
            ["[log]", 'level = "loud"'],
            4,
            "log.level is 'loud', and must be one of debug, info, warning, error",
        ),
        (["[[log]]", 'level = "info"'], 3, "log is a section, and needs its keys under [log]"),
        (["[devices]", 'match = "*"'], 3, "devices may be there several times, and begins with [[devices]]"),
        (["[[devices]]"], 3, "devices.match is missing, and required"),
        (
            ["[[devices]]", 'match = "a"', "[[devices]]", 'match = "b"', "instance_offset = -1"],
            7,
            "devices.instance_offset is -1, and must be 0 to 1000",
        ),
        (["[[devices]]", 'match = "a"', "[[devices]]"], 5, "devices.match is missing, and required"),
        (
            ["[[data_models]]", 'file = "none.xml"', "[[data_models]]", 'file = ""', "ouis = 1"],
            4,
            "data_models.file names ",
        ),
        (["[[data_models]]", 'file = ""', "ouis = 1"], 4, "data_models.file is '', and must be more than"),
        (["[[data_models]]", 'ouis = "x"'], 4, "data_models.ouis is unknown; did you mean data_models.oui?"),
    ],
)
def test_what_is_wrong_is_named_with_its_key_and_line(
    tmp_path: Path, lines: list[str], line: int, words: str
) -> None:
    path = written(tmp_path, with_url(*lines))
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert f"{path}:{line}: {words}" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "proxier.toml: acs.url is missing, and required"),
        ("\n[acs]\n", "proxier.toml:2: acs.url is missing, and required"),
        ("acs = 1", "proxier.toml:1: acs is a section"),
        ("[acs]\nurl = \n", "proxier.toml:2: is no TOML: "),
        ("[acs]\nurl = 'http://acs/", "proxier.toml:2: is no TOML: "),
        ("[acs]\n\nurl =", "proxier.toml:3: is no TOML: "),
        ("url = '''a", "proxier.toml:1: is no TOML: "),
        ('[acs]\nusername = """open\nurl = 1\n\n', "proxier.toml:2: is no TOML: "),
        ("[acs]\nurl = 'http://acs/'\n[upnp]\nallow = [\n'a',\n", "proxier.toml:4: is no TOML: "),
        ("[acs]\nurl = 'ftp://acs/'", "proxier.toml:2: acs.url is 'ftp://acs/', and must be a URL"),
        ("[acs]\nurl = 'http://me:secret@acs/'", "proxier.toml:2: acs.url is"),
        ("[acs]\nurl = 'http://acs/ x'", "proxier.toml:2: acs.url is"),
        (f"acs.url = '{URL}'\nacs.urn = 1", "proxier.toml:2: acs.urn is unknown; did you mean acs.url?"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(written(tmp_path, text))
    assert words in str(caught.value)


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "[log]\nlevel = 1\n[acs]\nmax_sessions = 0\n[upnp]\nstrict = 1\n")
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert [problem.key for problem in caught.value.problems] == [
        "log.level",
        "acs.url",
        "acs.max_sessions",
        "upnp.strict",
    ]


def test_a_key_file_needs_its_certificate(tmp_path: Path) -> None:
    (tmp_path / "key.pem").touch()
    with pytest.raises(
        SettingsError, match=r":3: acs\.client_key is of no use without acs\.client_certificate"
    ):
        load(written(tmp_path, with_url('client_key = "key.pem"')))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "::", "gateway.lan"])
def test_a_status_page_for_others_needs_a_password(tmp_path: Path, host: str) -> None:
    lines = ("[status]", "port = 8080", f'host = "{host}"')
    with pytest.raises(SettingsError, match=rf":3: status\.password is needed, as status\.host is {host}"):
        load(written(tmp_path, with_url(*lines)))
    assert load(written(tmp_path, with_url(*lines, 'password = "x"'))).status.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_a_status_page_for_this_machine_needs_none(tmp_path: Path, host: str) -> None:
    assert load(written(tmp_path, with_url("[status]", f'host = "{host}"'))).status.host == host


def test_what_is_wrong_in_a_section_within_a_section_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(written(tmp_path, with_url("[log]", 'level = "info"', "[log.levels]", "", 'cwpm = "debug"')))
    assert str(caught.value).endswith(":7: log.levels.cwpm is unknown; did you mean log.levels.cwmp?")
    with pytest.raises(SettingsError, match=r":4: log\.levels is a section, and needs its keys under"):
        load(written(tmp_path, with_url("[log]", "levels = 1")))


def test_a_file_that_is_missing_or_not_utf_8(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read: No such file"):
        load(tmp_path / "none.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b'[acs]\nurl = "http://\xe9/"')
    with pytest.raises(SettingsError, match="is not UTF-8"):
        load(path)


def test_a_relative_database_lies_beside_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    written(tmp_path / "etc", with_url("[storage]", 'url = "sqlite:///data/p.db"'))
    monkeypatch.chdir(tmp_path)
    assert load(Path("etc/proxier.toml")).storage.path == tmp_path / "etc/data/p.db"


def test_secrets_are_not_shown() -> None:
    settings = Settings(acs=AcsSettings(url=URL, username="user", password="hidden1"))
    settings = replace(settings, connection_request=replace(settings.connection_request, password="hidden2"))
    for shown in (repr(settings), in_force(settings)):
        assert "hidden" not in shown
        assert "user" in shown
    assert tomllib.loads(in_force(settings))["acs"]["password"] == MASK


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:hidden@acs/", "http://********@acs/"),
        ("http://me:hid@den@acs/", "http://********@acs/"),
        ("me:hidden@acs:7547", "********@acs:7547"),
    ],
)
def test_the_password_in_a_url_that_is_refused_is_not_shown(tmp_path: Path, url: str, shown: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(written(tmp_path, f"[acs]\nurl = {url!r}"))
    assert shown in str(refused.value)
    assert "den" not in str(refused.value)


def test_what_is_in_force_can_be_loaded_again(tmp_path: Path) -> None:
    settings = Settings(
        acs=AcsSettings(url=URL, username='quote " backslash \\ emoji \U0001f600'),
        upnp=UpnpSettings(allow=("a*", "b?")),
        storage=StorageSettings(url=f"sqlite:///{tmp_path}/x.db"),
        log=LogSettings(level="error"),
        devices=(DeviceSettings(match="a"), DeviceSettings(match="b", instance_offset=0)),
    )
    assert load(written(tmp_path, in_force(settings))) == settings


def test_where_the_configuration_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config({}) == SYSTEM_CONFIG
    written(tmp_path, "")
    assert find_config({}) == Path("proxier.toml")
    assert find_config({"PROXIER_CONFIG": "/elsewhere.toml"}) == Path("/elsewhere.toml")
