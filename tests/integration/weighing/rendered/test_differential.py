"""Many pages in frames of one ask for what each of them asks for alone."""

import pytest

from differential import running
from differential.chromium import Chromium
from libra.weighing.rendered import visit
from support.in_memory import Answer, Case

# Dozens of pages in frames of one browser: it runs alone, as the comparison itself does.
pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]

TEXT = (("Content-Type", "text/html; charset=utf-8"),)


BLOCKS = ("Content-Security-Policy", "img-src 'none'")
GOES_ON = "<meta http-equiv=refresh content='0;url=next.html'>"


def page(name: str, body: str, *fields: tuple[str, str]) -> Case:
    return Case(name, {"/": Answer((*TEXT, *fields), body.encode())}, ())


CASES = {
    "an image": (page("a", "<!doctype html><img src=a.png>"), ["/a.png"]),
    "a policy": (
        page("b", "<img src=a.png><script src=a.js></script>", BLOCKS),
        ["/a.js"],
    ),
    "a base": (page("c", "<base href=sub/><img src=a.png>"), ["/sub/a.png"]),
    "an end of all elements": (page("d", "</iframe></body></html><img src=a.png><!--"), ["/a.png"]),
    "a page that goes on": (page("e", GOES_ON), ["/next.html"]),
    "a mouse": (
        page("f", "<style>@media (hover) and (pointer:fine){p{background:url(a.png)}}</style><p>x"),
        ["/a.png"],
    ),
}  # fmt: skip


async def test_pages_in_frames_of_one_do_not_disturb_one_another(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "QUIET_SECONDS", 3.0)  # what is asked for last may come late
    async with Chromium(engine) as browser:
        found = await browser.ask([case for case, _ in CASES.values()])
        assert dict(zip(CASES, found, strict=True)) == {
            name: asked for name, (_, asked) in CASES.items()
        }
        case, asked = CASES["a page that goes on"]
        assert await browser.ask_alone(case) == asked


async def test_the_first_pages_of_an_area_are_compared_when_there_is_no_time_left(
    engine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(running, "TOGETHER", 2)
    async with Chromium(engine) as browser:
        await running.run("html", 1, browser, cases=4, until=0)
    said = capsys.readouterr().out
    assert "html: out of time; go on with --area html --seed 1 --first 2\n" in said
    assert "html: seed 1, 2 pages, 0 differ" in said
