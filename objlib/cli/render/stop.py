"""Why a run ended before its end."""

from objlib.cli.console.terminal import Terminal, safe, wrap

STOPS = {
    "interrupted": "Interrupted",
    "limit": "Stopped at --limit",
    "daily_quota": "Stopped: the daily quota is used up",
    "store_full": "Stopped: the store is full",
    "unreachable": "Stopped",
    "unauthorized": "Stopped: the service refuses the API key",
    "store_gone": "Stopped: the store is gone",
}


def stop_lines(stopped: str, advice: str, screen: Terminal) -> list[str]:
    """Why it ended, and what to do about it; nothing for a run that came to its end."""
    if not stopped:
        return []
    said = "; ".join(filter(None, (STOPS.get(stopped, "Stopped"), safe(advice)))) + "."
    return [screen.yellow(line) for line in wrap(said, screen.width)]
