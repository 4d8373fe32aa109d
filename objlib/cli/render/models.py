"""The check of a user's model, in lines."""

from objlib.cli.console.terminal import Terminal, safe
from objlib.core.advice import advise, quote
from objlib.core.reports.models import ModelKind, ModelReport, Score


def model_lines(report: ModelReport, screen: Terminal) -> list[str]:
    """The result of ``objlib model check``."""
    encoder = report.kind is ModelKind.ENCODER
    parts = [
        f"{report.kind}",
        *([f"{report.dimensions} numbers"] if encoder else []),
        *([f"pooling by {report.pooling}"] if report.pooling else []),
        f"{report.max_tokens} tokens",
        *(f"{name} {prefix!r}" for name, prefix in _prefixes(report) if prefix),
    ]
    beside = f" ({_share(report.shipped)} with the model that ships)" if report.shipped else ""
    timed = "passages" if encoder else "pairs"
    each = f"; {report.query_ms:.1f} ms a query" if encoder else ""
    lines = [
        f"{screen.bold(safe(report.path))}: {', '.join(parts)}",
        f"the right passage is first for {_share(report.english)} in English{beside}",
        f"the right passage is first for {_share(report.other)} in eight other languages",
        f"{report.passages_per_second:,.0f} {timed} a second{each}",
    ]
    if report.weak:
        return [*lines, screen.yellow("it finds hardly anything; are its pooling and its tokenizer right?")]
    if encoder:
        return [*lines, f"Next: {advise(f'index --embedder {quote(report.path)}')}"]
    return [*lines, f"Next: {advise(f'search --reranker {quote(report.path)}', 'what to look for')}"]


def _prefixes(report: ModelReport) -> tuple[tuple[str, str], ...]:
    return ("query prefix", report.query_prefix), ("passage prefix", report.document_prefix)


def _share(score: Score) -> str:
    return f"{score.first} of {score.questions} questions"
