"""The candidates, each behind :class:`spike.phase9_spike.protocol.FileStateMachineProtocol`."""
