"""The page about speed: its example, its measurements, its figures."""
