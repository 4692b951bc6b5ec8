"""The quality of vectors: what is wrong with a column, and which rows cannot be found."""
