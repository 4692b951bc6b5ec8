"""Filling tables: sources of rows, embedders, and the staged load."""
