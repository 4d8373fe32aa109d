"""Reading a document in a process of its own, within limits of time, memory and output."""
