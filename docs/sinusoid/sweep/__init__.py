"""The commands of a sweep on sinusoids."""
