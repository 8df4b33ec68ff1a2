"""The authorities of a system are read once for all connections that share their rules."""

from __future__ import annotations

import ssl

from libra.network.libcurl.trust import Trust


def test_connections_of_the_same_rules_share_one_context() -> None:
    assert Trust().context() is Trust().context()
    assert Trust(insecure=True).context() is not Trust().context()
    assert Trust().context().verify_mode == ssl.CERT_REQUIRED
    assert Trust(insecure=True).context().verify_mode == ssl.CERT_NONE
