"""When to add an index, which, and why a statement does not use one."""
