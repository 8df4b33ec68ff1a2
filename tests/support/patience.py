"""How long tests wait: for what must succeed as long as it takes, for what must time out hardly at all.

No test passes or fails by how fast the machine is: whatever hangs meets the time limit of pytest.
"""

from __future__ import annotations

from libra.storage import Deadlines

FOR_EVER = 1_000_000.0
"""Seconds, more than any test may take and not too many for any database."""

PATIENT = Deadlines(
    connect=FOR_EVER, probe=FOR_EVER, read=FOR_EVER, save=FOR_EVER, restore=FOR_EVER
)
HURRIED = Deadlines(connect=0.05, probe=0.05, read=0.05, save=0.05, restore=0.05)
"""For calls to what is known not to answer."""
