"""Every request to the service: when it may start, and whether it is sent again."""
