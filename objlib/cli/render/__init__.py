"""Reports as lines of text: pure functions of a report and a :class:`~objlib.cli.console.terminal.Terminal`."""
