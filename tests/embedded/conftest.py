"""Virtual time for the tests of the embedded service."""

import pytest
import trio.testing


@pytest.fixture(autouse=True)
def virtual_time(autojump_clock: trio.testing.MockClock) -> None:
    """Every test of the service runs in virtual time, unless it is marked ``real_time``."""
