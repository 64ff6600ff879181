"""Measures verdicts against a list of expected ones; run it by hand, or from the tests."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

FALSE = ("fails", "inconsistent-with-definition", "shape-wrong")
RIGHT = ("holds", "shape-right")


def plain(latex: str) -> str:
    """LaTeX without what does not change its meaning: spaces, alignment, boxes, spacing commands."""
    latex = re.sub(r"\\(boxed|,|;|!|quad|qquad|displaystyle|left|right|tag\{[^}]*\})", "", latex)
    latex = re.sub(r"\\text\{\s*([^}]*?)\s*\}", r"\1", latex)
    return re.sub(r"[\s&{}.•]", "", latex)


def match(entry: dict[str, Any], claims: list[dict[str, Any]], used: set[int]) -> dict[str, Any] | None:
    """The claim that an expected entry speaks of."""
    want = plain(entry["latex"])
    here = [(n, c) for n, c in enumerate(claims) if abs(c["line"] - entry["line"]) <= 1 and n not in used]
    here.sort(key=lambda item: abs(item[1]["line"] - entry["line"]))
    for test in (
        lambda have: have == want,
        lambda have: have.endswith(want) or want.endswith(have.lstrip("=")),
        lambda have: want in have or (have.lstrip("=") in want and len(have) > 3),
    ):
        for number, claim in here:
            have = plain(claim["latex"])
            if have and test(have):
                used.add(number)
                return claim
    return None


def measure(claims: list[dict[str, Any]], expected: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Lists of entries: right, false_holds, false_fails, unmatched, wrong; and right and wrong corrections."""
    found: dict[str, list[Any]] = {
        k: []
        for k in ("right", "wrong", "unmatched", "false_holds", "false_fails", "corrected", "uncorrected")
    }
    used: set[int] = set()
    for entry in expected:
        claim = match(entry, claims, used)
        if claim is None:
            found["unmatched"].append((entry, None))
            continue
        verdict = claim["verdict"]
        accept = entry["accept"]
        found["right" if verdict in accept else "wrong"].append((entry, claim))
        false_only = all(a in FALSE or a == "cannot-check" for a in accept)
        if verdict in RIGHT and false_only:
            found["false_holds"].append((entry, claim))
        if verdict in FALSE and not any(a in FALSE for a in accept):
            found["false_fails"].append((entry, claim))
        if false_only and entry.get("correction"):
            good = claim["correction"] is not None and plain(claim["correction"]) == plain(
                entry["correction"]
            )
            found["corrected" if good else "uncorrected"].append((entry, claim))
    return found


def main(paths: list[str]) -> None:
    from symcnn.notes.verify import verify

    for path in paths:
        notes = Path(path)
        gold = notes.with_suffix(".gold.json")
        if not gold.exists():
            gold = Path(str(notes) + ".expected.json")
        if not gold.exists():
            gold = notes.with_suffix(".expected.json")
        claims = verify(notes).to_dict()["claims"]
        found = measure(claims, json.loads(gold.read_text()))
        total = sum(len(found[k]) for k in ("right", "wrong", "unmatched"))
        print(f"{notes.name}: {len(found['right'])}/{total}", end=" ")
        print({k: len(v) for k, v in found.items() if k != "right"})
        if len(paths) > 2:
            continue
        for kind in ("unmatched", "wrong"):
            for entry, claim in found[kind]:
                print(f"  {kind} {entry['line']} {entry['latex'][:110]}")
                print(f"      want {entry['accept']}")
                if claim:
                    print(f"      got {claim['verdict']}: {claim['reason'] or claim['assumption']}")
        for entry, claim in found["uncorrected"]:
            print(
                f"  correction {entry['line']} want {entry['correction'][:150]}\n      got {claim['correction']}"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
