"""Files that every generated package carries, copied as they stand."""
