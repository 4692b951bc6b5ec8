"""Every check there is, in the order they are shown; pages, jobs and the command line are drawn from this."""

from __future__ import annotations

from dashboard.inspection import row_checks, shape_checks
from dashboard.inspection.finding import Check, Limits

_DENSE = frozenset({"vector", "halfvec", "sparsevec"})
_WITH_LENGTH = frozenset({"vector", "halfvec"})

CHECKS = (
    Check(
        "coverage",
        "Coverage",
        ":material/check_box:",
        "share",
        "Rows that have a vector. A row without one is in no answer.",
        Limits(0.99, 0.95, "one row in a hundred missing is noticed by somebody", falling=True),
        row_checks.coverage,
    ),
    Check(
        "zero",
        "Zero vectors",
        ":material/exposure_zero:",
        "share",
        "Vectors of nothing but zeros. Cosine distance to them is undefined: no search by it returns them.",
        Limits(0.0, 0.01, "none should be there: they are texts an embedder had no word for"),
        row_checks.zeros,
    ),
    Check(
        "norm",
        "Norms",
        ":material/straighten:",
        "share",
        "In a column of unit vectors, those that are not. Inner product favours long ones.",
        Limits(0.0, 0.01, "one model makes one length; others came from elsewhere"),
        row_checks.norms,
        _WITH_LENGTH,
    ),
    Check(
        "duplicates",
        "Exact duplicates",
        ":material/content_copy:",
        "share",
        "Rows whose vector equals another row's. A group above ef_search hides its neighbours.",
        Limits(0.001, 0.01, "one in a hundred answers shows something twice"),
        row_checks.duplicates,
    ),
    Check(
        "near",
        "Near duplicates",
        ":material/difference:",
        "share",
        "Distinct vectors with another one nearer than 0.001 in cosine distance (bits: 1 % of them differ).",
        Limits(0.01, 0.10, "some versions of a text are usual; one row in ten is a pipeline that ran twice"),
        row_checks.near_duplicates,
    ),
    Check(
        "dead",
        "Dead dimensions",
        ":material/horizontal_rule:",
        "dimensions",
        "Dimensions in which every row is the same: space and time for nothing.",
        Limits(0.0, 0.10, "a tenth of the space and of every comparison"),
        shape_checks.dead_dimensions,
        _DENSE,
    ),
    Check(
        "dominated",
        "Dominant dims",
        ":material/equalizer:",
        "dimensions",
        "Dimensions that carry over 10 % of the squared length and over 3 times their fair share.",
        Limits(0.0, 0.50, "half of every distance would be theirs"),
        shape_checks.dominated_dimensions,
        _DENSE,
    ),
    Check(
        "effective",
        "Effective dim.",
        ":material/filter_center_focus:",
        "directions",
        "Participation ratio of the principal components: how many directions carry the data.",
        Limits(0.05, 0.01, "under a twentieth, a far shorter vector would do", falling=True),
        shape_checks.effective_dimension,
    ),
    Check(
        "anisotropy",
        "Anisotropy",
        ":material/explore:",
        "cosine",
        "Mean cosine similarity of two random rows. 0 is best; near 1 everything looks alike.",
        Limits(0.5, 0.8, "at a half, all distances lie in half the range there is"),
        shape_checks.anisotropy,
        _DENSE,
    ),
    Check(
        "hubness",
        "Hubness",
        ":material/hub:",
        "skew",
        "Skew of k-occurrence: whether a few rows are everybody's neighbour, and others nobody's.",
        Limits(2.0, 5.0, "2 is the skew of an exponential: a longer tail than that has hubs"),
        shape_checks.hubness,
    ),
    Check(
        "outliers",
        "Outliers",
        ":material/scatter_plot:",
        "share",
        "Rows whose tenth neighbour is over 3 interquartile ranges farther than usual.",
        Limits(0.01, 0.05, "of normal distances one in half a million would lie there"),
        row_checks.outliers,
    ),
    Check(
        "mixed",
        "Mixed dimensions",
        ":material/straighten:",
        "share",
        "Vectors of another length than most, in a column that takes any.",
        Limits(0.0, 0.0, "a search meets only vectors as long as its query, and no index holds all"),
        row_checks.mixed_dimensions,
    ),
)
"""Sources of the measures: Radovanović et al., Hubs in Space (2010), for k-occurrence; Ethayarajh, How
Contextual are Contextualized Word Representations? (2019), for anisotropy.  Limits are ours, with their
reasons, where no source is named."""

CHECK = {check.key: check for check in CHECKS}
