"""RFC 3339 timestamps, with up to nine digits of fraction, as Unix time."""

from datetime import UTC, datetime


def unix_time(text: str) -> float:
    """Unix seconds of an RFC 3339 timestamp; 0.0 where it is missing or no timestamp."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0
