"""The words of the derivation: what a program is, how things are called, what they cost.

Programs and their interpreter, the grammar of names, the table of functions that are applied entry
by entry. Imports SymPy and nothing of this project.
"""
