"""The version in the default user agent is that of the Chromium that the tests run beside."""

import re
import subprocess

from libra.weighing.options import CHROME, USER_AGENT
from libra.weighing.rendered.browsers.browser import find_browser
from support.needs import needs


@needs("a browser")
def test_the_user_agent_names_the_chromium_that_is_installed() -> None:
    said = subprocess.run(
        [find_browser(), "--version"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    version = re.search(r" (\d+)\.", said)
    assert version is not None, said
    assert int(version[1]) == CHROME, f"options.CHROME is {CHROME}; installed is {said}"
    assert f"Chrome/{CHROME}.0.0.0 " in USER_AGENT
