"""Figures of any run: its training, and its errors on unseen tasks.

What they share with the figures of one task family is in `drawing` and `files`. Imports
``docs.experiment`` and matplotlib.
"""
