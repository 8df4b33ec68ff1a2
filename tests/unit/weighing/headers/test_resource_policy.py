"""``Cross-Origin-Resource-Policy``: who may embed an answer."""

import pytest

from libra.weighing.headers.resource_policy import forbids_embedding

OWN = "https://www.example.com"


@pytest.mark.parametrize(
    ("policy", "origin", "forbidden"),
    [
        ("", "https://elsewhere.example", False),
        ("same-origin", OWN, False),
        (" same-origin\t", "https://elsewhere.example", True),
        ("same-origin", "https://cdn.example.com", True),
        ("same-origin", "https://www.example.com:8443", True),
        ("same-site", "https://cdn.example.com", False),
        ("same-site", "http://cdn.example.com:8080", False),
        ("same-site", "https://elsewhere.example", True),
        ("cross-origin", "https://elsewhere.example", False),
        ("Same-Origin", "https://elsewhere.example", False),
        ("same-origin, same-origin", "https://elsewhere.example", False),
        ("nonsense", "https://elsewhere.example", False),
    ],
)
def test_a_policy_forbids_what_chromium_forbids(policy: str, origin: str, forbidden: bool) -> None:
    assert (forbids_embedding(policy, OWN, origin) is not None) is forbidden


def test_a_plain_page_is_not_of_the_site_of_an_answer_over_tls() -> None:
    assert forbids_embedding("same-site", "http://a.example.com", "https://b.example.com")
    assert not forbids_embedding("same-site", "http://a.example.com", "http://b.example.com")
