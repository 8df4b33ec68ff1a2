"""The form of the start page: what somebody wrote into it, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast, get_args

from libra.app import parse_headers
from libra.urls import as_typed
from libra.web.requests.page_request import Submission, header_lines
from libra.weighing.method_choice import Choice
from libra.weighing.options import Viewport

VIEWPORTS = {
    "1350x940@1": "Desktop, 1350 by 940",
    "390x844@3": "Phone, 390 by 844, 3 pixels for each",
    "820x1180@2": "Tablet, 820 by 1180, 2 pixels for each",
}
"""What is offered; any other can be sent."""

METHODS = {"": "As usual here", "static": "Without a browser", "rendered": "In a browser"}

_CHECKS: Mapping[str, Callable[[str], object]] = {
    "viewport": Viewport.parse,
    "headers": lambda text: parse_headers(header_lines(text)),
}
"""What finds a mistake in an option, in the order in which people see them; each raises a ValueError."""


@dataclass(frozen=True, slots=True)
class WeighForm:
    """The form, filled in.

    Attributes:
        fields: as they were sent, or as they are to be shown.
        error: what is wrong, if it is one thing.
        wrong: the field that it is wrong with; it is told there.
        mistakes: each URL that was refused, and why.
        accepted: how many others were not.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    wrong: str = ""
    mistakes: Sequence[tuple[str, str]] = ()
    accepted: int = 0

    @property
    def urls(self) -> list[str]:
        """All that is to be weighed: the one field, and the lines of the other.

        People leave the scheme out, as everywhere else: it is added as the command does it.
        """
        lines = [self.fields.get("url", ""), *self.fields.get("urls", "").splitlines()]
        return [as_typed(line.strip()) for line in lines if line.strip()]

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
        """The same form with what is wrong with it, and where."""
        wrong = next((name for name in _CHECKS if self._mistake_in(name) == error), "")
        # At its field nobody needs to be told which one is meant.
        text = error.removeprefix(f"{wrong}: ")
        text = f"{text[:1].upper()}{text[1:]}"
        text = text if text.endswith((".", "?", "!")) else f"{text}."
        return replace(self, error=text, wrong=wrong or ("urls" if self.many else "url"))

    def _mistake_in(self, name: str) -> str:
        text = self.fields.get(name, "")
        try:
            if text:
                _CHECKS[name](text)
        except ValueError as error:
            return str(error)
        return ""

    def refused_in_part(self, accepted: int, mistakes: Sequence[tuple[str, str]]) -> WeighForm:
        """The form with those that are wrong: the others are being weighed."""
        left = {**self.fields, "url": "", "urls": "\n".join(url for url, _ in mistakes)}
        return replace(self, fields=left, mistakes=mistakes, accepted=accepted)
