"""Settings from flags, the environment and a file."""

from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.settings import (
    WEIGH_KEYS,
    Settings,
    SettingsError,
    parse_limits,
    read_file,
    redact,
)
from libra.weighing.options import Limits


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "libra.toml"


def test_without_anything_the_defaults_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings.load(environ={}) == Settings()


def test_a_flag_beats_the_environment_and_the_environment_the_file(file: Path) -> None:
    file.write_text('port = 1\nhost = "file"\nttl = "1h"')
    environ = {"LIBRA_PORT": "2", "LIBRA_HOST": "environment"}
    settings = Settings.load({"port": "3", "host": None}, environ=environ, file=file)
    assert (settings.port, settings.host, settings.ttl) == (3, "environment", 3600)


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_every_setting_can_come_from_the_environment(name: str, file: Path) -> None:
    file.write_text("")
    values = {"host": "0.0.0.0", "data_dir": "/srv", "database": "sqlite:///x", "restore": "off"}
    values |= {
        "allow": "10.0.0.0/8 fd00::/8",
        "migrate": "true",
        "journal": "false",
        "screenshots": "true",
        "limits": "assets=7",
    }
    values |= {"token": "ci:full:sha256:" + "0" * 64, "token_file": str(file), "public": "read"}
    values |= {"trusted_proxy": "10.0.0.0/8", "read_limit": "7/s", "submit_limit": "off"}
    values |= {"log_format": "json", "log_level": "debug", "otel": "true"}
    values |= {"public_url": "https://libra.test", "parser_memory": "64MB", "method": "auto"}
    values |= {"ca": certifi.where(), "proxy_is_the_gate": "true", "http3": "true"}
    values |= {"browser_memory": "2GB", "cluster": "nats://127.0.0.1:4222", "role": "inspector"}
    values |= {"cluster_replicas": "5", "cluster_bytes": "1GB"}
    values |= {"keep": "90d", "trusted_user_header": "X-Remote-User", "user_roles": str(file)}
    values |= {"base_path": "/libra/"}
    environ = {f"LIBRA_{name.upper()}": values.get(name, "7")}
    if name == "alerts":  # which has a variable for each
        environ = {"LIBRA_ALERTS_TEAM": "ntfys://ntfy.sh/topic"}
    if name == "proxy":  # which is refused alone
        environ["LIBRA_PROXY_IS_THE_GATE"] = "true"
    if name in ("trusted_user_header", "user_roles"):  # which need a proxy to believe
        environ |= {"LIBRA_TRUSTED_PROXY": "10.0.0.0/8", "LIBRA_TRUSTED_USER_HEADER": "X-User"}
    if name in ("cluster", "role"):  # which need each other, and a database that machines can share
        environ |= {"LIBRA_CLUSTER": "nats://127.0.0.1:4222", "LIBRA_DATABASE": "postgresql://db/l"}
    settings = Settings.load(environ=environ, file=file)
    assert getattr(settings, name) != getattr(Settings(), name)


def test_keys_of_the_file_may_be_written_as_flags_are(file: Path) -> None:
    file.write_text('max-pages = 5\ndata-dir = "/srv/libra"\nallow = ["10.0.0.0/8"]')
    settings = Settings.load(environ={}, file=file)
    assert (settings.max_pages, settings.data_dir) == (5, Path("/srv/libra"))
    assert settings.allow == ("10.0.0.0/8",)


def test_the_file_can_be_named_by_the_environment(file: Path) -> None:
    file.write_text("port = 9")
    assert Settings.load(environ={"LIBRA_CONFIG": str(file)}).port == 9


@pytest.mark.parametrize("key", sorted(WEIGH_KEYS))
def test_keys_of_weigh_may_stand_in_the_same_file(key: str, file: Path) -> None:
    file.write_text(f'{key} = "x"\nport = 9')
    assert Settings.load(environ={}, file=file).port == 9
    assert read_file(file, {})[1] == {key: "x", "port": 9}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("prot = 1", "there is no setting 'prot' .did you mean port.*; the settings are .*port"),
        ('max-wieght = "1MB"', "'max-wieght' .did you mean max_weight"),
        ("[weigh]\nlimit = 5", "there is no setting 'weigh'"),
        ('data-dir = "a"\ndata_dir = "b"', "'data-dir' and 'data_dir' are the same setting"),
        ('max_weight = "1"\nmax-weight = "2"', "'max_weight' and 'max-weight' are the same"),
        ('port = "x"', "port cannot be 'x': it takes a whole number"),
        ('parsers = "x"', "parsers cannot be 'x': it takes a whole number"),
        ('journal = "maybe"', "journal cannot be 'maybe': it takes yes or no"),
        ("port = 70000", "from 0 to 65535"),
        ('ttl = "soon"', "'soon' is not a duration: write 90, 500ms"),
        ("concurrency = 0", "concurrency is 0: it must be at least 1"),
        ('restore = "maybe"', "it takes eager, lazy or off"),
        ('database = "mysql://x"', "sqlite:///path or postgresql://"),
        ('allow = "10.0.0.1/8"', "allow takes networks"),
        ("port =", "is not TOML"),
        ("ttl = nan", "ttl is nan: it must be at least 1"),
        ("ttl = inf", "ttl is inf"),
        (
            'allow-port = "18700-18740"',
            "allow_port cannot be '18700-18740': it takes whole numbers",
        ),
        ('allow-port = [80, "x"]', "allow_port cannot be 80, 'x': it takes whole numbers"),
        ("allow = [5]", "allow cannot be 5: it takes texts"),
        ("token = 5", "token cannot be that: it takes a list"),
        ("allow = 5", "allow cannot be 5: it takes a list"),
        ('data-dir = "~nobody-of-this-name/x"', "data_dir cannot be '~nobody"),
        ('read-limit = "1.5/s"', "read_limit takes 100/s, 60/m, 1000/h or off"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_is_taken(
    written: str, message: str, file: Path
) -> None:
    file.write_text(written)
    with pytest.raises(SettingsError, match=message):
        Settings.load(environ={}, file=file)


@pytest.mark.parametrize("name", ["LIBRA_PORT", "LIBRA_ALLOW_PORT", "LIBRA_HOST"])
@pytest.mark.parametrize(
    "value", ["tcp://10.96.0.7:8000", "udp://[fd00::7]:53", "sctp://10.0.0.1:9"]
)
def test_what_a_cluster_says_of_its_services_is_no_setting(name: str, value: str) -> None:
    assert Settings.load(environ={name: value}) == Settings.load(environ={})


@pytest.mark.parametrize("service", ["ALERTS", "ALERTS_TEAM"])
def test_what_a_cluster_says_of_a_service_for_alerts_is_no_destination(service: str) -> None:
    of_the_cluster = {
        "SERVICE_HOST": "10.96.0.7",
        "SERVICE_PORT": "8000",
        "SERVICE_PORT_HTTP": "8000",
        "PORT": "tcp://10.96.0.7:8000",
        "PORT_8000_TCP": "tcp://10.96.0.7:8000",
        "PORT_8000_TCP_PROTO": "tcp",
        "PORT_8000_TCP_PORT": "8000",
        "PORT_8000_TCP_ADDR": "10.96.0.7",
    }
    environ = {f"LIBRA_{service}_{name}": value for name, value in of_the_cluster.items()}
    environ["LIBRA_ALERTS_PORT_OF_HULL"] = "ntfys://ntfy.sh/topic"
    assert set(Settings.load(environ=environ).alerts) == {"port-of-hull"}


@pytest.mark.parametrize("name", [*Settings.__struct_fields__, "alerts_team"])
def test_an_empty_variable_is_no_setting(name: str, file: Path) -> None:
    file.write_text('token = ["a:full:a-secret-of-the-file"]\nport = 9')
    environ = {f"LIBRA_{name.upper()}": ""}
    assert Settings.load(environ=environ, file=file) == Settings.load(environ={}, file=file)


@pytest.mark.parametrize(
    ("written", "meant"), [("yes", True), ("On", True), ("1", True), ("no", False), ("off", False)]
)
def test_a_setting_that_takes_yes_or_no_takes_these_words(written: str, meant: bool) -> None:
    assert Settings.load(environ={"LIBRA_JOURNAL": written}).journal is meant


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ({"port": "abc"}, "^--port cannot be 'abc': it takes a whole number"),
        ({"allow_port": ("1-2",)}, "^--allow-port cannot be '1-2': it takes whole numbers"),
        ({"ttl": "soon"}, "^--ttl cannot be 'soon': 'soon' is not a duration"),
    ],
)
def test_a_flag_is_called_as_it_is_written(
    flag: dict[str, object], message: str, file: Path
) -> None:
    file.write_text("")
    with pytest.raises(SettingsError, match=message):
        Settings.load(flag, environ={}, file=file)


def test_a_flag_beats_also_what_cannot_be_read(file: Path) -> None:
    file.write_text('port = "none"')
    settings = Settings.load({"port": 0, "ttl": 60.0}, environ={"LIBRA_TTL": "soon"}, file=file)
    assert (settings.port, settings.ttl) == (0, 60.0)


def test_a_file_in_another_encoding_is_refused_and_no_crash(file: Path) -> None:
    file.write_bytes('browser = "/opt/ü"'.encode("utf-16"))
    with pytest.raises(SettingsError, match="is not TOML: it is not UTF-8"):
        Settings.load(environ={}, file=file)


def test_a_file_that_was_asked_for_and_is_not_there_is_an_error(file: Path) -> None:
    with pytest.raises(SettingsError, match="there is no file"):
        Settings.load(environ={}, file=file)


def test_an_error_never_shows_a_password() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({"database": "mysql://user:secret@host/db"}, environ={})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["cluster", "database", "proxy"])
def test_an_error_shows_no_address_with_a_secret_that_is_of_another_type(name: str) -> None:
    value = ["nats://user:secret@a:4222", 5]
    with pytest.raises(SettingsError) as caught:
        Settings.load({name: value}, environ={})
    assert "secret" not in str(caught.value)


def test_an_error_shows_no_token_of_a_server_whose_scheme_was_forgotten() -> None:
    with pytest.raises(SettingsError, match="not '\\*\\*\\*@a:4222'"):
        Settings.load({"cluster": ["secret@a:4222"]}, environ={})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:secret@host/db", "postgresql://user:***@host/db"),
        ("postgresql://user:a/b?c@host/db", "postgresql://user:***@host/db"),
        ("postgresql://user@host/db?sslmode=require", "postgresql://user@host/db?sslmode=require"),
        (
            "postgresql://h:5432/db?user=me@h&password=a",
            "postgresql://h:5432/db?user=me@h&password=***",
        ),
        ("sqlite:////home/me@work/libra.sqlite3", "sqlite:////home/me@work/libra.sqlite3"),
        ("nats://secret@host:4222", "nats://***@host:4222"),
        ("nats://host:4222", "nats://host:4222"),
    ],
)
def test_an_address_is_shown_without_its_secrets_and_otherwise_as_it_is(
    url: str, shown: str
) -> None:
    assert redact(url) == shown


def _encoded_in_part(name: str, letters: set[int]) -> str:
    return "".join(f"%{ord(c):02x}" if i in letters else c for i, c in enumerate(name))


@given(
    # Characters that the drivers take as they are in each of the places, and one that shows a leak.
    password=st.text("ab0-._~!$*()=:,;@%ü", min_size=1, max_size=9).map(lambda text: f"§{text}§"),
    place=st.sampled_from(["user:{}@", ":{}@", "password", "sslpassword", "Password", "token"]),
    letters=st.sets(st.integers(0, 10)),
    before=st.sampled_from(["", "user=me@host&", "sslmode=require&", "password=&"]),
    after=st.sampled_from(["", "&user=me", "&host=/run", "#at"]),
    host=st.sampled_from(["host", "host:5432", "a:1,b:2", "[::1]:5432", ""]),
)
def test_no_secret_is_shown_wherever_it_is_in_an_address(
    password: str, place: str, letters: set[int], before: str, after: str, host: str
) -> None:
    if place == "token":
        url = f"nats://{password.replace(':', '').replace('@', '')}@{host}"
    elif place.endswith("@"):
        url = f"postgresql://{place.format(password)}{host}/db?{before}connect_timeout=1{after}"
    else:
        field = f"{_encoded_in_part(place, letters)}={password}"
        url = f"postgresql://{host}/db?{before}{field}{after}"
    assert "§" not in redact(url)
    assert redact(redact(url)) == redact(url)


def test_the_database_is_in_the_data_directory_unless_it_is_elsewhere() -> None:
    settings = Settings(data_dir=Path("/srv/libra"))
    assert settings.database_url() == "sqlite:////srv/libra/libra.sqlite3"
    assert Settings(database="postgresql://h/n").database_url() == "postgresql://h/n"


@pytest.mark.parametrize(
    "name", [n for n, kind in get_type_hints(Settings).items() if kind is float]
)
def test_each_setting_that_is_a_duration_is_read_as_one(name: str) -> None:
    settings = Settings.load(environ={f"LIBRA_{name.upper()}": "2h"})
    assert getattr(settings, name) == 7_200


@pytest.mark.parametrize("address", ["libra.test", "ftp://libra.test", "https://", "http:///path"])
def test_a_public_address_is_one_that_people_can_open(address: str) -> None:
    with pytest.raises(SettingsError, match=r"public_url takes .*https://libra"):
        Settings.load({"public_url": address}, environ={})


def test_limits_are_written_as_people_write_them() -> None:
    limits = parse_limits(["assets=7", "page-bytes=50MB", "decode-ratio=12.5"], Limits())
    assert (limits.assets, limits.page_bytes, limits.decode_ratio) == (7, 50_000_000, 12.5)
    assert limits.redirects == Limits().redirects


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("assets", "NAME is one of asset-bytes"),
        ("asset=1", "NAME is one of asset-bytes"),
        ("page-seconds=1", "NAME is one of asset-bytes"),
        ("assets=many", "not a size"),
        ("assets=-1", "not a size"),
        ("decode-ratio=x", "could not convert"),
        ("decode-ratio=nan", "negative"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_with_what_is_taken(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_limits([text], Limits())
    with pytest.raises(SettingsError, match="limits"):
        Settings.load({"limits": (text,)}, environ={})


def test_every_limit_is_in_the_reference() -> None:
    reference = (Path(__file__).parents[2] / "docs/reference/settings.md").read_text()
    for name in Limits.__struct_fields__:
        if not name.endswith("_seconds"):
            assert f"| `{name.replace('_', '-')}` |" in reference


@pytest.mark.parametrize("is_the_gate", [True, False])
def test_a_proxy_may_be_the_gate_or_lend_ways_through_it(is_the_gate: bool) -> None:
    flags = {"proxy": "http://proxy.example:3128", "proxy_is_the_gate": is_the_gate}
    settings = Settings.load(flags, environ={})
    assert (settings.proxy, settings.proxy_is_the_gate) == (
        "http://proxy.example:3128",
        is_the_gate,
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("proxy", "socks5://proxy.example", "write it as http://"),
        ("ca", "none.pem", "ca: none.pem cannot be read"),
        ("ca", __file__, "holds no certificate in PEM form"),
    ],
)
def test_a_way_to_the_web_that_leads_nowhere_is_refused(
    name: str, value: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings.load({name: value, "proxy_is_the_gate": True}, environ={})
