"""Rows out of the database: formats, files, and what stands beside them."""
