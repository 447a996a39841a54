"""What goes on disk: everything that is derived for one network, and the text of its files.

A new file of a package is a function of `modules` and a line of its `files_of`. `trial` runs a
package before it is written. Imports all rooms before it.
"""
