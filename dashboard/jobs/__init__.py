"""Work that outlives a click: submitted to a queue, carried out by a worker process."""
