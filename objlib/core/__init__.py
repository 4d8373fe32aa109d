"""The pure room: rules and arithmetic without I/O, threads or a clock of their own."""
