"""From equations and plans to text: a file a language.

A printer is closed: a node or a step that it does not know is an error that names the equation.
Imports ``language`` and ``schedule``.
"""
