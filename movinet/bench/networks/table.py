"""Measurements as a table and as files: Markdown to read, JSON to compute with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from movinet.bench.networks.networks import SIDES, NetworkMeasurement
from movinet.machine.files import write_whole

NAMES = {"ours": "ours", "fused": "fused", "peer": "Model Garden"}
WHAT = {"forward": "forward", "training": "training step", "frame": "stream frame"}
SUFFIXES = (".json", ".md")


def markdown(measurements: Sequence[NetworkMeasurement], machine: dict[str, Any]) -> str:
    """A line for each network and what was measured, with ratios; reasons and the machine below."""
    sides = [side for side in SIDES if any(m.side == side for m in measurements)]
    return "\n".join([*_table(measurements, sides), "", *_notes(measurements, sides, machine)]) + "\n"


def write(
    path: Path,
    measurements: Sequence[Any],
    machine: dict[str, Any],
    as_table: Callable[[Any, dict[str, Any]], str] = markdown,
) -> None:
    """Writes or replaces a .json or .md file at once: it is never seen half written."""
    if path.suffix.lower() == ".json":
        text = json.dumps({"machine": machine, "measurements": [asdict(m) for m in measurements]}, indent=1) + "\n"
    else:
        text = as_table(measurements, machine)
    write_whole(path, text)


def _table(measurements: Sequence[NetworkMeasurement], sides: Sequence[str]) -> list[str]:
    peer = "peer" in sides
    ratios = [f"{NAMES[side]}, times faster" for side in sides if peer and side != "peer"]
    headings = ["network", "measured", "clip", "GFLOPs", "parameters"]
    headings += [f"{NAMES[side]}, ms" for side in sides] + ratios + [f"{NAMES[side]}, peak MB" for side in sides]
    rows = [headings]
    for network, what in dict.fromkeys((m.network, m.what) for m in measurements):
        of = {m.side: m for m in measurements if (m.network, m.what) == (network, what)}
        first = next(iter(of.values()))
        row = [network, WHAT[what], "{}x{}x{}²".format(*first.clip), f"{first.flops / 1e9:.3g}"]
        row += [_number(first, "parameters")]
        row += [_number(of.get(side), "milliseconds") for side in sides]
        row += [_ratio(of.get("peer"), of.get(side)) for side in sides if peer and side != "peer"]
        row += [_number(of.get(side), "peak_bytes") for side in sides]
        rows.append(row)
    return lines_of(rows, texts=2)


def lines_of(rows: Sequence[Sequence[str]], texts: int) -> list[str]:
    """A Markdown table of headings and rows, the first `texts` columns of words and the others of numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * width if place < texts else "-" * (width - 1) + ":" for place, width in enumerate(widths)]
    aligned = [
        [cell.ljust(width) if place < texts else cell.rjust(width) for place, (cell, width) in enumerate(pairs)]
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    return [f"| {' | '.join(row)} |" for row in (aligned[0], rule, *aligned[1:])]


def _number(measurement: NetworkMeasurement | None, field: str) -> str:
    """A cell; a failed measurement's says so, and its reason stands below the table."""
    if measurement is None:
        return "-"
    value = getattr(measurement, field)
    if value is None:
        return "failed"
    if field == "milliseconds":
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{value / 1e6:,.0f}" if field == "peak_bytes" else f"{value:,}"


def _ratio(peer: NetworkMeasurement | None, own: NetworkMeasurement | None) -> str:
    if not (peer and own and peer.milliseconds and own.milliseconds):
        return "-"
    return f"{peer.milliseconds / own.milliseconds:.1f}x"


def _notes(measurements: Sequence[NetworkMeasurement], sides: Sequence[str], machine: dict[str, Any]) -> list[str]:
    lines = [f"- {m.network} {WHAT[m.what]}, {NAMES[m.side]}: {m.failure}" for m in measurements if m.failure]
    lines = [*lines, ""] if lines else []
    for side in sides:
        own = [m for m in measurements if m.side == side and m.libraries_bytes]
        if own:
            megabytes = max(m.libraries_bytes or 0 for m in own) / 1e6
            versions = ", ".join(f"{name} {version}" for name, version in (own[0].versions or {}).items())
            lines.append(f"{NAMES[side]}: {versions}; {megabytes:,.0f} MB of the peak are the libraries alone.  ")
    where = f"{machine['processor']}, {machine['threads']} of {machine['cores']} cores, {machine['system']}"
    return [*lines, f"Medians; peak memory of a process of its own. {where}, {machine['date']}."]
