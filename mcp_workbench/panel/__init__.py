"""The inspector: use a server in the notebook as a client does, by hand, and see every message."""
