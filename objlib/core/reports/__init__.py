"""The reports of commands, as plain values: the engine fills them, the command line renders them."""
