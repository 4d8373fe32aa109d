"""What a command did, as plain values: the engine fills them, the command line renders them."""
