"""Problems of parties that were merged, renumbered or erased."""

from shared.problems.known import Known

ALL = (
    Known(
        "party-erased",
        409,
        "The party was erased",
        "An erased party is nobody any more, so it can be neither merged nor renumbered.",
        "Nothing needs to be done; choose another party if this was not the one you meant.",
        "This party was erased.",
    ),
    Known(
        "party-renumbered",
        301,
        "The party has another id",
        "The party was merged with another one, or got a new id.",
        "Use the id that the answer names from now on.",
        "This party was merged or renumbered; its id is E-2041 now. Use that one from now on.",
        {"entityId": "E-2041"},
    ),
)
