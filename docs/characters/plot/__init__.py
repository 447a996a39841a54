"""Figures of a run on characters: images, and those of every run.

Imports ``docs.experiment``, what is beside it, and matplotlib.
"""
