"""Figures of a run on sinusoids: curves, and those of every run.

Imports ``docs.experiment``, the tasks beside it, and matplotlib.
"""
