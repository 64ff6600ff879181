"""What the running text says about conventions, shapes and settings."""

from __future__ import annotations

import re

from symcnn.notes.facts import Cues

SINGLE = re.compile(r"\b(single|one)\s+(training\s+)?(image|example|sample|input)\b", re.I)
BATCH = re.compile(r"\b(all|over the|whole|mini-?)\s*(training\s+)?(examples|batch|images|samples)\b", re.I)
FLIPPED = (
    r"(filter|kernel)s? (is|are) (always )?flipped|true convolution|flips the (filter|kernel)"
    r"|\bmeans? the flipped|flipped (version|convolution)"
)
UNFLIPPED = (
    r"(filter|kernel)s? (is|are) not flipped|without (the |a |any )?flip|\bno flip|do(es)? not flip the"
)

LATE = r"\b(?:latest|later|last|newest|largest|larger|highest|higher)\b"
EARLY = r"\b(?:earliest|earlier|first|oldest|smallest|smaller|lowest|lower)\b"
FACTOR = (
    r"(?: (?:factors?|matri(?:x|ces)|ones?|ind(?:ex|ices)|times?|steps?|Jacobians?|terms?)\b[^.;:]{0,20}?)?"
)
ORDERED = r"\b(?:products?|factors?|multipl\w+|matrices|Jacobians)\b[^.;:]{0,50}"
STANDS = r"(?: (?:stands?|is|are|go(?:es)?|comes?|written|being|placed))*"
LATEST_LEFT = (
    rf"{LATE}{FACTOR}{STANDS} (?:(?:on|to|at|from) the (?:far )?left|first|leftmost)\b"
    rf"|{EARLY}{FACTOR}{STANDS} (?:(?:on|to|at) the (?:far )?right|last|rightmost)\b"
    rf"|{ORDERED}\b(?:from right to left|right-to-left|in (?:decreasing|descending|reverse) order)\b"
    r"|\bin (?:decreasing|descending) order of (?:the )?(?:index|indices|time)"
)
"""Words that put the factor of the largest index of a product on the left."""
LATEST_RIGHT = (
    rf"{LATE}{FACTOR}{STANDS} (?:(?:on|to|at|from) the (?:far )?right|last|rightmost)\b"
    rf"|{EARLY}{FACTOR}{STANDS} (?:(?:on|to|at) the (?:far )?left|first|leftmost)\b"
    r"|\bin (?:increasing|ascending) order of (?:the )?(?:index|indices|time)"
)
"""Words that put it on the right."""

ZERO_BASED = (
    r"\b(count(ed|s|ing)?|number(ed|ing)|(index|indices|indexing|subscripts?|rows|columns|pixels|entries|channels|steps)"
    r"\b[^.]{0,40}\b(start|begin|run)(s|ning)?)\b[^.]{0,25}(at|from|with) (zero|0)\b"
)


ITEMS = "(?:example|sample|image|token|word|position|observation|data point|query|input)"


def cues(text: str, whole: str) -> Cues:
    """The conventions that the prose of the notes states; `whole` is the text with its formulas."""
    plain = " ".join(text.split())

    def says(pattern: str) -> bool:
        return re.search(pattern, plain, re.I) is not None

    def along(line: str) -> bool:
        return says(
            rf"softmax[^.]{{0,60}}\b{line}|\b{line}s?[^.]{{0,40}}softmax|{line}s?[^.]{{0,30}}\b(add|sum)s? (up )?to (one|1)"
        )

    rows = says(
        rf"({ITEMS})s?[^.]{{0,30}}\bin (the )?rows\b|one ({ITEMS})[^.]{{0,20}}\brow\b|\brows are {ITEMS}s"
    )
    latest_left, latest_right = says(LATEST_LEFT), says(LATEST_RIGHT)
    return Cues(
        numerator_layout=says(r"numerator[ -]layout|Jacobian (formulation|convention)"),
        denominator_layout=says(r"denominator[ -]layout|(Hessian|gradient) formulation"),
        rows=rows,
        across=along("row") or (rows and not along("column")),
        down=along("column") and not along("row"),
        zero_outside=says(r"(count|counts|counted|taken|read) as zero|zeros? outside|padd?ed (with|by) zeros")
        or re.search(r"(counts?|counted|taken|read) as \$0\$", whole) is not None,
        picks_rows=re.search(
            r"(subscript|index|indices)[^.]{0,60}\brows?\b|\bpicks? (out )?(a|the) row\b", whole
        )
        is not None,
        flipped=says(FLIPPED) and not says(UNFLIPPED),
        unflipped=says(UNFLIPPED),
        star_is_entrywise=says(r"(star|asterisk|\*)[^.]{0,40}(entry by entry|element-?wise|entrywise)")
        or says(r"(entry by entry|element-?wise)[^.]{0,40}(star|asterisk)"),
        logistic=re.search(r"\b(sigmoid|logistic)\b", whole, re.I) is not None,
        per_example=says(r"per-example|per example|no\s+inside"),
        whole_only=says(r"(index|indices|number)[^.]{0,30}\b(no|not a|not) whole|non-?integer ind"),
        latest_first=latest_left and not latest_right,
        latest_last=latest_right and not latest_left,
        shaped=says(r"gradients?\b[^.]{0,60}\b(has|have|in) the (same )?shapes?\b"),
        zero_based=says(ZERO_BASED),
    )


ONE_HOT = re.compile(
    r"\$\s*\\?(\w+(?:\{\w\})?)\s*(?:\\in[^$]*)?\$[^.$]{0,40}\bone[- ]hot\b"
    r"|\bone[- ]hot\b[^.$]{0,40}\$\s*\\?(\w+(?:\{\w\})?)\s*(?:\\in[^$]*)?\$",
    re.I,
)
"""A name that the text calls one-hot."""


def one_hot(text: str) -> set[str]:
    """The names of vectors that are one-hot, so that their entries add up to one."""
    found = {name for match in ONE_HOT.finditer(text) for name in match.groups() if name is not None}
    return {re.sub(r"[{}]", "", name) for name in found}


CONDITION = re.compile(
    r"\b(?:whenever|if|when|unless|provided(?: that)?|such that|as long as|in case|for which|satisfying)\s*\$*$",
    re.I,
)
"""Words that make the formula after them a condition."""


def is_condition(before: str) -> bool:
    """Whether the words before a formula make it a condition."""
    return CONDITION.search(before[-40:]) is not None


def says_single(text: str) -> bool:
    """Whether a passage speaks of one example."""
    return SINGLE.search(text) is not None


def says_batch(text: str) -> bool:
    """Whether a passage turns to a whole batch."""
    return BATCH.search(text) is not None
