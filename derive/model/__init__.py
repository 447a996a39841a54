"""What a person writes, and the sweep that differentiates it: the manual of the derivation.

Change an equation here, run ``python derive/build.py``, and the code, the pages and the numbers
change together. A loss is a row of `losses`, an algorithm a row of `algorithms`. Imports
``language``.
"""
