"""Our own speed, as ratios taken in one run; ``python -m tests.speed`` prints them."""
