"""The table, as text, Markdown and charts."""

import html
from pathlib import Path

from rows import Row

SERVERS = ("holdfast", "docker-registry", "nginx")


def number(value: float | None) -> str:
    if value is None:
        return "–"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def bound(row: Row, check) -> str:
    what, asked, got, met = check
    mark = "met" if met else "MISSED"
    if what == "value":
        return f"{'≤' if row.better == 'less' else '≥'} {number(asked)} {row.unit}: {mark}"
    return f"{number(got)} x {what} (asked {number(asked)}): {mark}"


def cells(row: Row) -> list[str]:
    return [row.name, row.unit, *(number(row.median(server)) for server in SERVERS),
            "; ".join(bound(row, check) for check in row.checks())]


HEADER = ["row", "unit", *SERVERS, "asked"]


def text(rows: list[Row]) -> str:
    table = [HEADER, *map(cells, rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEADER))]
    lines = []
    for line in table:
        parts = [cell.rjust(width) if 2 <= i <= 4 else cell.ljust(width)
                 for i, (cell, width) in enumerate(zip(line, widths))]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def markdown(rows: list[Row]) -> str:
    lines = ["| " + " | ".join(HEADER) + " |", "|---|---|---:|---:|---:|---|"]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


COLOURS = {"holdfast": "#2563eb", "docker-registry": "#9ca3af", "nginx": "#16a34a"}


def chart(title: str, rows: list[Row], target: Path):
    """Bars of each row, relative to the row's largest value, the values beside them."""
    y, body = 48, []
    for row in rows:
        values = [(server, row.median(server)) for server in SERVERS if row.median(server) is not None]
        if not values:
            continue
        largest = max(value for _, value in values) or 1
        body.append(f'<text x="16" y="{y}" class="row">{html.escape(row.name)} ({row.unit})</text>')
        y += 8
        for server, value in values:
            width = max(1, 420 * value / largest)
            body.append(f'<rect x="130" y="{y}" width="{width:.0f}" height="14" rx="2" fill="{COLOURS[server]}"/>')
            body.append(f'<text x="122" y="{y + 11}" text-anchor="end">{server}</text>')
            body.append(f'<text x="{138 + width:.0f}" y="{y + 11}">{number(value)}</text>')
            y += 19
        y += 22
    target.parent.mkdir(exist_ok=True)
    target.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 {y}" font-family="sans-serif" font-size="12">'
        '<style>text{fill:#111827}.row{font-weight:600}@media(prefers-color-scheme:dark)'
        "{text{fill:#e5e7eb}}</style>"
        f'<text x="16" y="22" font-size="16" font-weight="600">{html.escape(title)}</text>{"".join(body)}</svg>\n'
    )
