"""Trials made by hand, for what judges and shows them."""

from db.runs import Trial


def trial(
    method: str = "hnsw",
    value: int = 40,
    *,
    recall: float = 0.99,
    p95_ms: float = 2.0,
    interval: float = 0.01,
    position: int = 1,
    void: bool = False,
) -> Trial:
    """One index with one search setting; ``interval`` is what recall may be off by."""
    built: dict[str, dict[str, int | str]] = {
        "hnsw": {"m": 16, "ef_construction": 64},
        "ivfflat": {"lists": 100},
    }
    searched: dict[str, dict[str, int | str]] = {
        "hnsw": {"ef_search": value},
        "ivfflat": {"probes": value},
    }
    options, setting = built.get(method, {}), searched.get(method, {})
    measures = {
        "recall": recall,
        "recall_low": recall - interval,
        "recall_high": min(1.0, recall + interval),
        "worst_decile": recall - 0.1,
        "p50_ms": p95_ms / 2,
        "p95_ms": p95_ms,
        "p99_ms": p95_ms * 2,
        "qps": 1000 / p95_ms,
        "speedup": 100 / p95_ms,
    }
    for key in ("p50_ms", "p95_ms", "p99_ms", "qps"):
        measures |= {f"{key}_low": measures[key] * 0.9, f"{key}_high": measures[key] * 1.1}
    return Trial(
        position=position,
        method=method,
        options=options,
        setting=setting,
        state="void" if void else "measured",
        reason="The planner chose Seq Scan." if void else None,
        plan_node="Seq Scan" if method == "exact" or void else "Index Scan",
        plan={},
        pinned=False,
        queries=200,
        measures={} if void else measures,
        build_s=12.0 if options else None,
        size_bytes=50 * 2**20 if options else None,
    )


def exact(p95_ms: float = 100.0) -> Trial:
    """Exact search, which misses nothing."""
    return trial("exact", recall=1.0, interval=0.0, p95_ms=p95_ms, position=0)
