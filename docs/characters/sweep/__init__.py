"""The commands of a sweep on characters."""
