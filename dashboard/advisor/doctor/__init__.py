"""Why a statement does or does not use a vector index, and whether its answer is cut short."""
