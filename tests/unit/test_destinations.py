"""Which destinations of alerts are taken, and that nobody is told their addresses."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.destinations import SCHEMES, Destination, DestinationError, parse_destinations
from libra.settings import Settings, SettingsError

SECRET = "tok3n-of-the-team"
BY_ENV = Destination(url_env="TEAM")


def test_addresses_are_read_from_a_file_or_a_variable_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "team"
    file.write_text("# the team\n\n ntfys://ntfy.sh/topic \nmailtos://a:b@example.com\n")
    assert Destination(url_file=file).urls() == (
        "ntfys://ntfy.sh/topic",
        "mailtos://a:b@example.com",
    )
    assert BY_ENV.urls({"TEAM": "slack://A/B/C"}) == ("slack://A/B/C",)


@pytest.mark.parametrize(
    "address",
    [
        f"file:///etc/{SECRET}",
        f"json://127.0.0.1/{SECRET}",
        f"dbus://{SECRET}",
        f"syslog://{SECRET}",
        f"http://127.0.0.1/{SECRET}",
        f"ntfy://host/{SECRET}?attach=file:///etc/passwd",
        f"ntfy://host/{SECRET}?%61ttach=/etc/passwd",
        f"ntfy://host/{SECRET}?a=b?attach=/etc/passwd",
        f"discord://{SECRET}/b?template=/etc/passwd",
        f"mailto://{SECRET}@example.com?pgpprv=/etc/passwd",
        SECRET,
        "",
        "# nothing",
    ],
)
def test_what_is_local_or_reads_files_is_refused_without_a_word_of_the_address(
    address: str,
) -> None:
    with pytest.raises(DestinationError) as refused:
        BY_ENV.urls({"TEAM": address})
    assert SECRET not in str(refused.value)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz+.-", min_size=1, max_size=12))
def test_no_scheme_is_taken_that_is_not_on_the_list(scheme: str) -> None:
    if scheme in SCHEMES or scheme == "https":
        return
    with pytest.raises(DestinationError):
        BY_ENV.urls({"TEAM": f"{scheme}://somewhere/{SECRET}"})


def test_the_settings_name_them_in_the_file_and_in_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "libra.toml"
    file.write_text(
        '[alerts.team]\nurl_file = "/run/secrets/team"\n[alerts.ops]\nurl_env = "OPS"\n'
    )
    settings = Settings.load(
        environ={"LIBRA_ALERTS_OPS": "x", "LIBRA_ALERTS_ON_CALL": "y"}, file=file
    )
    assert settings.alerts == {
        "team": Destination(url_file=Path("/run/secrets/team")),
        "ops": Destination(url_env="LIBRA_ALERTS_OPS"),
        "on-call": Destination(url_env="LIBRA_ALERTS_ON_CALL"),
    }


@pytest.mark.parametrize(
    "written",
    [
        f'[alerts.team]\nurl = "{SECRET}"\n',
        f'[alerts]\nteam = "{SECRET}"\n',
        f'alerts = "{SECRET}"\n',
        f'[alerts."The Team"]\nurl_env = "{SECRET}"\n',
    ],
)
def test_an_address_in_the_settings_is_refused_and_not_repeated(
    written: str, tmp_path: Path
) -> None:
    file = tmp_path / "libra.toml"
    file.write_text(written)
    with pytest.raises(SettingsError, match="alerts") as refused:
        Settings.load(environ={}, file=file)
    assert SECRET not in str(refused.value)


def test_names_are_small_letters_digits_and_hyphens() -> None:
    assert parse_destinations({"on-call2": {"url_env": "A"}}) == {
        "on-call2": Destination(url_env="A")
    }
