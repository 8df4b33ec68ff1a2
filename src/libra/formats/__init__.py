"""Reports in and out: JSON, CSV, HAR, JUnit and Markdown; budgets, comparisons and lists of pages.

Everything here is a pure function from reports and text to text. It knows the plain data of a
report and nothing of processes, storage or terminals.
"""

from libra.formats.asset_csv import to_csv
from libra.formats.har import to_har
from libra.formats.junit import to_junit
from libra.formats.markdown import to_markdown
from libra.formats.report_json import to_json

__all__ = ["to_csv", "to_har", "to_json", "to_junit", "to_markdown"]
