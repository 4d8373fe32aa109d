"""One module for each command or pair of commands; each is imported when its command runs."""
