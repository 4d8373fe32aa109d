"""Virtual time, for a test, a module or a folder; and a data folder that is not the user's."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import pytest
import trio
import trio.testing
from trio.abc import Clock, Instrument

T = TypeVar("T")


@pytest.fixture(scope="session", autouse=True)
def own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test adds its library to those that the user of the machine has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture
def autojump_clock(request: pytest.FixtureRequest) -> trio.testing.MockClock:
    """Virtual time that jumps at once when every task sleeps; the real clock under ``mark.real_time``.

    pytest-trio looks for a clock among the parameters of a test only, so a fixture that is used in any other way
    (autouse, ``mark.usefixtures``) has to be handed to the test's run.
    """
    virtual = trio.testing.MockClock(autojump_threshold=0)

    def run(main: Callable[[], Awaitable[T]], *, clock: Clock | None, instruments: Sequence[Instrument]) -> T:
        return trio.run(main, clock=clock or virtual, instruments=instruments)

    node = request.node
    if node.get_closest_marker("trio") is not None and node.get_closest_marker("real_time") is None:
        node.add_marker(pytest.mark.trio(run=run), append=False)
    return virtual
