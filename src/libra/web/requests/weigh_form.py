"""The form of the start page: the user's input, and the mistakes in it."""

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
    "390x844@3": "Phone, 390 by 844, 3 pixels per CSS pixel",
    "820x1180@2": "Tablet, 820 by 1180, 2 pixels per CSS pixel",
}
"""The viewports that the form offers; a request may have any other."""

METHODS = {"": "Default of this server", "static": "Without a browser", "rendered": "In a browser"}

_CHECKS: Mapping[str, Callable[[str], object]] = {
    "viewport": Viewport.parse,
    "headers": lambda text: parse_headers(header_lines(text)),
}
"""The checks of the options, in the order on the screen; each raises a ValueError."""


@dataclass(frozen=True, slots=True)
class WeighForm:
    """The form, filled in.

    Attributes:
        fields: as the user sent them, or as the form shows them.
        error: the mistake, if there is one for the whole form.
        wrong: the field with that mistake, where the form shows it.
        mistakes: each URL that was refused, and why.
        accepted: how many other URLs were accepted.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    wrong: str = ""
    mistakes: Sequence[tuple[str, str]] = ()
    accepted: int = 0

    @property
    def urls(self) -> list[str]:
        """All URLs to weigh: the single field, and the lines of the other.

        People leave out the scheme: it is added as the command adds it.
        """
        lines = [self.fields.get("url", ""), *self.fields.get("urls", "").splitlines()]
        return [as_typed(line.strip()) for line in lines if line.strip()]

    @property
    def many(self) -> bool:
        """Whether the user filled in the field for many URLs."""
        return bool(self.fields.get("urls", "").strip())

    @property
    def unfolded(self) -> bool:
        """Whether the options must be open, because the user chose one."""
        return self.many or any(self.fields.get(name) for name in ("method", "viewport", "headers"))

    def submissions(self) -> list[Submission]:
        """The pages to weigh, with their options.

        Raises:
            InvalidOptions: a line of the headers is invalid.
        """
        headers = header_lines(self.fields.get("headers", ""))
        method, viewport = self.fields.get("method"), self.fields.get("viewport") or None
        choice = cast("Choice", method) if method in get_args(Choice) else None
        return [
            Submission(url=url, method=choice, viewport=viewport, headers=headers)
            for url in self.urls
        ]

    def refused(self, error: str) -> WeighForm:
        """The same form with a mistake, and its field."""
        wrong = next((name for name in _CHECKS if self._mistake_in(name) == error), "")
        # Beside its field, the message need not name it.
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
        """The form with only the refused URLs: the others are being weighed."""
        left = {**self.fields, "url": "", "urls": "\n".join(url for url, _ in mistakes)}
        return replace(self, fields=left, mistakes=mistakes, accepted=accepted)
