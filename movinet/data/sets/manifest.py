"""What a folder of clips holds, beside the clips: a table that is a source, and a summary for people and programs."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from movinet.machine.files import write_whole

MANIFEST, TABLE = "manifest.json", "manifest.csv"
COLUMNS = (
    *("path", "label", "split", "offset", "key", "seconds", "frames", "frames_per_second", "width", "height"),
    *("bytes", "sha256", "source"),
)


def write_manifest(
    folder: Path, rows: Sequence[dict[str, Any]], skipped: Iterable[tuple[str, str]], more: dict[str, Any]
) -> dict[str, Any]:
    """Writes the table and the summary, the latter last: where it is, all is. Returns the summary.

    rows: a dict of COLUMNS for each clip;  skipped: (path, reason);  more: what else the summary should tell.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[row["label"]][row["split"]] += 1
    summary = more | {
        "clips": len(rows),
        "seconds": round(sum(row["seconds"] for row in rows), 3),
        "bytes": sum(row["bytes"] for row in rows),
        "counts": {label: dict(sorted(counts[label].items())) for label in sorted(counts)},
        "damaged": [{"path": row["source"], "reason": row["problem"]} for row in rows if row["problem"]],
        "skipped": [{"path": path, "reason": reason} for path, reason in skipped],
    }
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(sorted(rows, key=lambda row: (row["path"], row.get("offset", 0))))
    write_whole(folder / TABLE, text.getvalue())
    write_whole(folder / MANIFEST, json.dumps(summary, indent=1))
    return summary


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The summary in a folder; None where there is none that can be read."""
    try:
        summary = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) else None
