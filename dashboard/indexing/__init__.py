"""Indexes on people's own tables: built, rebuilt and dropped beside the work that goes on there."""
