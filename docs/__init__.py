"""The pages of the site, and beside them the code that they explain."""
