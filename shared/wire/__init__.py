"""What travels over HTTP: one module of frozen models per domain."""
