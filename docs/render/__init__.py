"""How the pages are made: what they draw from the derivation, and what the build measures."""
