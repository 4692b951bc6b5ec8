"""Vectors drawn in two dimensions, and how far such a picture can be trusted."""
