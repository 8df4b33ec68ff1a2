"""The budgets of projects, stored at the service: ``PROJECT.json`` in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from libra.budgets.lighthouse import Budget, BudgetError, parse_budgets
from libra.settings import SettingsError


class ProjectBudgets:
    """The budgets of all projects, read once, so no request waits for the disk.

    Args:
        folder: the folder; None for no budgets.

    Raises:
        SettingsError: the folder, or a file in it, cannot be read.
    """

    def __init__(self, folder: Path | None) -> None:
        self._budgets: dict[str, Sequence[Budget]] = {}
        if folder is None:
            return
        file = folder
        try:
            if not folder.is_dir():
                raise SettingsError(f"project_budgets: there is no folder {folder}")
            # glob() would take a folder that cannot be read for an empty one.
            for file in sorted(one for one in folder.iterdir() if one.suffix == ".json"):
                self._budgets[file.stem] = parse_budgets(file.read_bytes())
        except OSError as error:
            raise SettingsError(f"project_budgets: {file}: {error.strerror}") from None
        except BudgetError as error:
            raise SettingsError(f"project_budgets: {file}: {error}") from None

    def of(self, project: str) -> Sequence[Budget]:
        """The budgets of a project; none if there is no file for it."""
        return self._budgets.get(project, ())
