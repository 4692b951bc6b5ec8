"""Importing a file: first validated against the table it is for, then applied whole or not at all."""
