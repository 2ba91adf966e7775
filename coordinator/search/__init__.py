"""Finding experiments by meaning."""
