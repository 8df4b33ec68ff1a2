"""``Cross-Origin-Resource-Policy``: which documents may embed a response (Fetch standard, 3.7)."""

from __future__ import annotations

from libra.ascii import trimmed
from libra.urls import host_of, site_of

NOT_EMBEDDED = "blocked: Cross-Origin-Resource-Policy does not allow it on another {}"
"""Why a response is not used, as a named error with what the policy protects."""


def forbids_embedding(policy: str, own: str, origin: str) -> str | None:
    """What forbids a document to use a response that it requested without CORS: a named error, or None.

    Args:
        policy: The value of the header, several fields as one list.
        own: The origin of the document.
        origin: The origin of the response.
    """
    match trimmed(policy):
        case "same-origin" if own != origin:
            return NOT_EMBEDDED.format("origin")
        case "same-site" if not _is_of_the_site(own, origin):
            return NOT_EMBEDDED.format("site")
        case _:
            return None


def _is_of_the_site(own: str, origin: str) -> bool:
    """Whether both are of one site. The scheme counts only where a plain page wants an answer of TLS."""
    if origin.startswith("https:") and not own.startswith("https:"):
        return False
    return site_of(host_of(own)) == site_of(host_of(origin))
