"""The command line, one module per subject; dashboard/__main__.py puts them together."""
