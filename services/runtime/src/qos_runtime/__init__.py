"""What every HTTP service here shares: start and drain, request id, limits, metrics, error answers."""
