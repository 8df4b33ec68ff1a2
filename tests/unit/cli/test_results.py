"""How a run of `libra weigh` ends."""

from __future__ import annotations

from libra.cli.results.pushing import Pushed
from libra.cli.results.results import NOT_WHOLE, Demands, judge
from support.samples import ordinary


def test_a_growth_that_the_server_could_not_judge_is_not_green() -> None:
    page = ordinary()
    pushed = Pushed(ungrown=((page.url, "only a part of the earlier page was weighed"),))
    results = judge([page], Demands(), [], pushed)
    assert results.exit_code == NOT_WHOLE
    assert results.unjudged == f"the growth of {page.url}, because {pushed.ungrown[0][1]}"
    assert judge([page], Demands(allow_partial=True), [], pushed).exit_code == 0
