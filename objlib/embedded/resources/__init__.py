"""The resources of the embedded service and their tables: functions from a connection to plain records."""
