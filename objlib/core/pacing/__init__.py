"""How fast to send: rate control, the window of pending documents, backoff and quotas, as arithmetic."""
