"""Why a run ended before its end."""

from objlib.cli.console.terminal import Terminal, safe, wrap
from objlib.core.stop_reason import StopReason


def stop_lines(stopped: StopReason, advice: str, screen: Terminal) -> list[str]:
    """Why it ended, and what to do about it; nothing for a run that came to its end."""
    if not stopped:
        return []
    text = "; ".join(filter(None, (stopped.headline, safe(advice)))) + "."
    return [screen.yellow(line) for line in wrap(text, screen.width)]
