"""The form of the start page: what somebody wrote into it, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast, get_args

from libra.web.requests.page_request import Submission, header_lines
from libra.weighing.method_choice import Choice

VIEWPORTS = {
    "1350x940@1": "Desktop, 1350 by 940",
    "390x844@3": "Phone, 390 by 844, 3 pixels for each",
    "820x1180@2": "Tablet, 820 by 1180, 2 pixels for each",
}
"""What is offered; any other can be sent."""

METHODS = {"": "As usual here", "static": "Without a browser", "rendered": "In a browser"}


@dataclass(frozen=True, slots=True)
class WeighForm:
    """The form, filled in.

    Attributes:
        fields: as they were sent, or as they are to be shown.
        error: what is wrong with the form as a whole, or with its only URL.
        mistakes: each URL that was refused, and why.
        accepted: how many others were not.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    mistakes: Sequence[tuple[str, str]] = ()
    accepted: int = 0

    @property
    def urls(self) -> list[str]:
        """All that is to be weighed: the one field, and the lines of the other."""
        lines = [self.fields.get("url", ""), *self.fields.get("urls", "").splitlines()]
        return [line.strip() for line in lines if line.strip()]

    @property
    def many(self) -> bool:
        """Whether the field for many was used."""
        return bool(self.fields.get("urls", "").strip())

    @property
    def unfolded(self) -> bool:
        """Whether the options are to be seen, as something in them was chosen."""
        return self.many or any(self.fields.get(name) for name in ("method", "viewport", "headers"))

    def submissions(self) -> list[Submission]:
        """What is to be weighed, and how.

        Raises:
            InvalidOptions: a line of the headers is none.
        """
        headers = header_lines(self.fields.get("headers", ""))
        method, viewport = self.fields.get("method"), self.fields.get("viewport") or None
        choice = cast("Choice", method) if method in get_args(Choice) else None
        return [
            Submission(url=url, method=choice, viewport=viewport, headers=headers)
            for url in self.urls
        ]

    def refused(self, error: str) -> WeighForm:
        """The same form with what is wrong with it."""
        return replace(self, error=error)

    def refused_in_part(self, accepted: int, mistakes: Sequence[tuple[str, str]]) -> WeighForm:
        """The form with those that are wrong: the others are being weighed."""
        left = {**self.fields, "url": "", "urls": "\n".join(url for url, _ in mistakes)}
        return replace(self, fields=left, mistakes=mistakes, accepted=accepted)
