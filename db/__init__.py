"""Everything that speaks SQL: connections, catalogs, searches, loads, and our own tables."""
