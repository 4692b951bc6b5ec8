"""Vectorscope: an instrument panel for PostgreSQL + pgvector."""

__version__ = "0.1.0"
