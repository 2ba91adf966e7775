"""Programs: full ``train.py`` texts, content-addressed and stored once."""
