"""Pages take turns in two lanes, and there is always a place in the fast one."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.otp.testing import settle
from libra.parsers.turns import AHEAD, PASSED_OVER, YOUNG, Turn, Turns


class Page:
    """One that has used some time."""

    def __init__(self, used: float = 0.0, *, ready: bool = True) -> None:
        self.used = used
        self.ready = ready


class Runs:
    """What is told to pause and to end."""

    def __init__(self, *, large: bool = False) -> None:
        self.told: list[str] = []
        self._large = large

    def pause(self) -> bool:
        if not self._large:
            self.told.append("pause")
        return not self._large

    def resume(self) -> None:
        self.told.append("resume")

    def kill(self) -> None:
        self.told.append("kill")


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


async def begun(turns: Turns, page: Page, runs: Runs) -> Turn:
    turn = await turns.take(page, slow=True)
    turn.begin(runs)
    return turn


async def test_the_slow_lane_never_gets_the_last_place() -> None:
    turns = Turns(2)
    first = await turns.take(Page(), slow=True)
    second = asyncio.ensure_future(turns.take(Page(), slow=True))
    await settle()
    assert not second.done()
    turns.give_back(await turns.take(Page(), slow=False))
    await settle()
    assert not second.done()
    turns.give_back(first)
    turns.give_back(await second)


async def test_a_full_fast_lane_leaves_a_place_to_the_slow_one() -> None:
    turns = Turns(2)
    first = await turns.take(Page(), slow=False)
    second = await turns.take(Page(), slow=False)
    slow = asyncio.ensure_future(turns.take(Page(), slow=True))
    fast = asyncio.ensure_future(turns.take(Page(), slow=False))
    await settle()
    turns.give_back(first)
    await slow
    assert not fast.done()
    turns.give_back(second)
    await fast


async def test_pages_take_turns_however_much_each_of_them_wants() -> None:
    turns, order = Turns(1), list[str]()
    pages = {name: Page() for name in "abc"}
    now = await turns.take(pages["a"], slow=False)
    places = asyncio.Queue[Turn]()

    async def wait(name: str) -> None:
        place = await turns.take(pages[name], slow=False)
        order.append(name)
        places.put_nowait(place)

    tasks = [asyncio.ensure_future(wait(name)) for name in "aaabbc"]
    await settle()
    for _ in tasks:
        turns.give_back(now)
        now = await places.get()
    assert "".join(order) == "abcaba"


async def test_who_gives_up_waiting_loses_nobody_a_place() -> None:
    turns = Turns(1)
    place = await turns.take(Page(), slow=False)
    first = asyncio.ensure_future(turns.take(Page(), slow=False))
    second = asyncio.ensure_future(turns.take(Page(), slow=False))
    await settle()
    turns.give_back(place)
    first.cancel()  # its turn has come, and it does not know yet
    with pytest.raises(asyncio.CancelledError):
        await first
    await second


async def test_in_the_slow_lane_the_page_that_has_used_least_is_next() -> None:
    turns = Turns(2)
    place = await turns.take(Page(), slow=True)
    waiting = {used: asyncio.ensure_future(turns.take(Page(used), slow=True)) for used in (3, 1, 2)}
    await settle()
    for used in (1, 2, 3):
        turns.give_back(place)
        place = await waiting[used]


async def test_who_has_waited_long_comes_to_its_turn_but_not_before_who_has_used_little() -> None:
    clock = Clock()
    turns = Turns(2, clock)
    place = await turns.take(Page(), slow=True)
    waiting = {"old": asyncio.ensure_future(turns.take(Page(9), slow=True))}
    await settle()
    clock.time = 100.0
    for name, used in (("new", YOUNG), ("young", YOUNG / 2)):
        waiting[name] = asyncio.ensure_future(turns.take(Page(used), slow=True))
        await settle()
    for name in ("young", "old", "new"):
        turns.give_back(place)
        place = await waiting[name]


async def test_downloads_one_after_the_other_leave_a_page_its_share() -> None:
    clock, greedy = Clock(), Runs()
    turns = Turns(2, clock)
    page = await begun(turns, Page(5), greedy)
    for _ in range(100):
        download = asyncio.ensure_future(begun(turns, Page(YOUNG), Runs()))
        await settle()
        for _ in range(5):
            clock.time += AHEAD / 5
            turns.look()
            await settle()
        if download.done():
            turns.give_back(download.result())
        else:
            download.cancel()
            await settle()
    assert page.spent > 2
    turns.give_back(page)


async def test_a_page_does_not_give_way_to_itself() -> None:
    clock, page, runs = Clock(), Page(), Runs()
    turns = Turns(2, clock)
    first = await begun(turns, page, runs)
    second = asyncio.ensure_future(turns.take(page, slow=True))
    await settle()
    clock.time = 10 * AHEAD
    turns.look()
    assert runs.told == []
    turns.give_back(first)
    turns.give_back(await second)


async def test_a_page_that_is_far_ahead_pauses_for_one_that_waits() -> None:
    clock, greedy, modest = Clock(), Runs(), Runs()
    turns = Turns(2, clock)
    long = await begun(turns, Page(0.25), greedy)
    short = asyncio.ensure_future(begun(turns, Page(0.25), modest))
    await settle()
    turns.look()
    assert not short.done()  # it is no more ahead than by what the other has to wait
    clock.time = AHEAD
    turns.look()
    turn = await short
    assert greedy.told == ["pause"]
    clock.time += 100
    assert long.spent == AHEAD  # that it does not run costs it nothing
    turns.give_back(turn)
    assert greedy.told == ["pause", "resume"]
    clock.time += 1
    assert long.spent == AHEAD + 1
    turns.give_back(long)


async def test_when_one_is_paused_already_who_has_done_least_begins_again_later() -> None:
    clock = Clock()
    turns = Turns(2, clock)
    runs = [Runs() for _ in range(3)]
    first = await begun(turns, Page(5), runs[0])
    clock.time += 3
    taken = asyncio.ensure_future(begun(turns, Page(4), runs[1]))
    await settle()
    second = await taken
    last = asyncio.ensure_future(begun(turns, Page(1), runs[2]))
    await settle()
    assert [one.told for one in runs] == [["pause"], ["kill"], []]
    assert second.ended
    turns.look()
    assert not last.done()  # before the other has ended
    turns.give_back(second)
    turns.give_back(await last)
    assert runs[0].told == ["pause", "resume"]
    turns.give_back(first)


async def test_what_is_too_large_to_be_paused_begins_again_later() -> None:
    turns, large = Turns(2), Runs(large=True)
    first = await begun(turns, Page(5), large)
    other = asyncio.ensure_future(begun(turns, Page(), Runs()))
    await settle()
    assert (large.told, first.ended) == (["kill"], True)
    turns.give_back(first)
    await other


async def test_a_parser_that_is_paused_as_it_answers_can_take_other_orders() -> None:
    turns, greedy = Turns(2), Runs()
    first = await begun(turns, Page(5), greedy)
    second = await begun(turns, Page(), Runs())
    turns.give_back(first)
    turns.give_back(second)
    assert greedy.told == ["pause", "resume"]
    await begun(turns, Page(), Runs())


@given(
    st.integers(1, 4),
    st.lists(
        st.tuples(st.integers(0, 3), st.floats(0, 2), st.booleans(), st.booleans()), max_size=30
    ),
)
def test_no_more_than_the_places_are_given_and_all_are_in_the_end(
    places: int, steps: list[tuple[int, float, bool, bool]]
) -> None:
    class Job(Runs):
        """Something that runs when its turn says so."""

        on = True
        turn: Turn

        def pause(self) -> bool:
            self.on = False
            return True

        def resume(self) -> None:
            self.on = True

        def kill(self) -> None:
            self.on = False
            killed.append(self)

    killed: list[Job] = []

    async def run() -> None:
        clock = Clock()
        turns, pages = Turns(places, clock), [Page() for _ in range(4)]
        jobs: list[Job] = []
        tasks: list[asyncio.Task[None]] = []

        async def take(page: Page, *, slow: bool) -> None:
            job = Job()
            job.turn = await turns.take(page, slow=slow)
            job.turn.begin(job)
            jobs.append(job)

        async def end(job: Job) -> None:
            jobs.remove(job)
            job.turn.page.used += job.turn.spent  # type: ignore[misc]
            turns.give_back(job.turn)
            await settle()

        async def bury() -> None:
            while killed:
                job = killed.pop()
                tasks.append(asyncio.ensure_future(take(job.turn.page, slow=True)))  # type: ignore[arg-type]
                await end(job)

        for page, seconds, slow, ends in steps:
            tasks.append(asyncio.ensure_future(take(pages[page], slow=slow)))
            await settle()
            clock.time += seconds
            turns.look()
            await settle()
            await bury()
            running = [job for job in jobs if job.on]
            assert len(running) <= places
            assert places == 1 or sum(job.turn.slow for job in running) < places
            assert len(jobs) - len(running) <= 1
            if ends and running:
                await end(running[0])
        while jobs:
            await bury()
            await end(next(job for job in jobs if job.on))
        assert all(task.done() for task in tasks)

    asyncio.run(run())


async def test_a_page_whose_parser_is_free_comes_before_one_whose_parser_is_busy() -> None:
    turns = Turns(1)
    held = await turns.take(Page(), slow=False)
    first = asyncio.ensure_future(turns.take(Page(ready=False), slow=False))
    second = asyncio.ensure_future(turns.take(Page(), slow=False))
    await settle()
    turns.give_back(held)
    turns.give_back(await second)
    turns.give_back(await first)


async def test_nobody_is_passed_over_for_ever() -> None:
    turns = Turns(1)
    held = await turns.take(Page(), slow=False)
    first = asyncio.ensure_future(turns.take(Page(ready=False), slow=False))
    others = [asyncio.ensure_future(turns.take(Page(), slow=False)) for _ in range(99)]
    await settle()
    for other in others[:PASSED_OVER]:
        turns.give_back(held)
        held = await other
    turns.give_back(held)
    turns.give_back(await first)
    for other in others[PASSED_OVER:]:
        turns.give_back(await other)
