#!/usr/bin/env python3
"""Measures Holdfast beside docker-registry and nginx, interleaved in one run. See README.md."""

import argparse
import dataclasses
import datetime
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "tests"))

import report  # noqa: E402
from collection import Collection  # noqa: E402
from pages import Pages  # noqa: E402
from rows import Bench, Row  # noqa: E402
from scale import Scale  # noqa: E402
from scans import Scans  # noqa: E402

RESULTS = HERE / "results"
REMARKS = HERE / "REMARKS.md"


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, cwd=HERE).stdout.strip()


def machine() -> str:
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores of {model}, Linux {platform.release()}"


def versions() -> str:
    wanted = ("docker-registry", "nginx", "wrk", "postgresql-15")
    return output("dpkg-query", "-W", "-f", "${Package} ${Version}, ", *wanted).rstrip(", ")


def as_json(row: Row) -> dict:
    return {"row": row.name, "unit": row.unit, "values": row.values,
            "medians": {server: row.median(server) for server in row.values},
            "asked": [{"of": what, "bound": bound, "got": got, "met": met} for what, bound, got, met in row.checks()]}


def save(group: str, engine: str, rows: list):
    """Keeps a group's values; RESULTS.md is made of all that are kept."""
    kept = {"group": group, "engine": engine, "commit": output("git", "describe", "--always"),
            "date": str(datetime.date.today()), "machine": machine(), "versions": versions(),
            "rows": [dataclasses.asdict(row) for row in rows]}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{group}-{engine}.json").write_text(json.dumps(kept, indent=1) + "\n")


def write_results():
    lines = [
        "# Results", "",
        "Medians of rounds in which the servers take turns; clients and servers share the machine.",
        "Holdfast checks a bearer token on every request and writes its access log and metrics; writes "
        "are durable. docker-registry runs without authentication. `asked` is ours over theirs.", "",
    ]
    if REMARKS.exists():
        lines += [REMARKS.read_text().strip(), ""]
    order = {name: number for number, name in enumerate([*Bench.GROUPS, *Scale.GROUPS, *Pages.GROUPS, *Collection.GROUPS,
                                                    *Scans.GROUPS])}
    kept = [json.loads(path.read_text()) for path in RESULTS.glob("*.json")]
    for entry in sorted(kept, key=lambda e: (e["engine"] != "sqlite", order[e["group"]])):
        rows = [Row(**row) for row in entry["rows"]]
        title = entry["group"].replace("_", " ").capitalize()
        if entry["engine"] != "sqlite":
            title += " on PostgreSQL"
        name = f"{entry['group']}-{entry['engine']}.svg"
        lines += [f"## {title}", "", report.markdown(rows), f"![{title}](charts/{name})", "",
                  f"Commit {entry['commit']}, {entry['date']}, {entry['machine']}; {entry['versions']}.", ""]
        report.chart(title, rows, HERE / "charts" / name)
    (HERE / "RESULTS.md").write_text("\n".join(lines))


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers end with us
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", default=os.environ.get("ROW", ""), help=f"one group ({', '.join(Bench.GROUPS)}) or part of the names of rows")
    parser.add_argument("--engine", default=os.environ.get("ENGINE", "sqlite"), choices=("sqlite", "postgres"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of one measurement of small requests")
    parser.add_argument("--json", type=Path, help="where every value goes; otherwise build/bench/ENGINE.json")
    parser.add_argument("--write", action="store_true", help="keep the values in results/, write RESULTS.md and the charts")
    parser.add_argument("--scale", action="store_true", help="lists in a large registry")
    parser.add_argument("--pages", action="store_true", help="pages of the REST APIs in a large installation")
    parser.add_argument("--collection", action="store_true", help="collection of garbage")
    parser.add_argument("--scans", action="store_true", help="scans of images, and the advisories for them")
    options = parser.parse_args()
    chosen = [kind for kind, wanted in ((Scale, options.scale), (Pages, options.pages), (Collection, options.collection),
                                   (Scans, options.scans)) if wanted]
    kind = chosen[0] if chosen else Bench
    groups, only = ([options.row], "") if options.row in kind.GROUPS else (list(kind.GROUPS), options.row)
    cluster = None
    if options.engine == "postgres":
        from harness.postgres import Cluster

        cluster = Cluster(durable=True)
        os.environ["BENCH_DATABASE_URL"] = cluster.create_database()
        if not options.row and kind is Bench:
            groups = ["pushes", "lists"]
    if only and options.write:
        parser.error("--write keeps whole groups")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    folder = Path(tempfile.mkdtemp(prefix="holdfast-bench-", dir=os.environ.get("BENCH_DIR")))
    bench = kind(folder, options.rounds, options.seconds, only)
    measured: dict[str, list] = {}
    began = time.monotonic()
    try:
        bench.start()
        for group in groups:
            if not only:
                print(f"… {group.replace('_', ' ')}", file=sys.stderr, flush=True)
            bench.measure(group)
            if bench.rows:
                measured[group] = bench.rows
                print(report.text(bench.rows) + "\n", flush=True)
    finally:
        bench.stop()
        if cluster:
            cluster.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{time.monotonic() - began:.0f} s")
    if not measured:
        parser.error(f"no group and no row is named {options.row}")
    target = options.json or HERE.parent / f"build/bench/{'' if kind is Bench else kind.GROUPS[0] + '-'}{options.engine}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({group: [as_json(row) for row in rows] for group, rows in measured.items()}, indent=1) + "\n")
    print(f"every value: {target}")
    if options.write:
        for group, rows in measured.items():
            save(group, options.engine, rows)
        write_results()
    missed = [row.name for rows in measured.values() for row in rows if not all(c[3] for c in row.checks())]
    if missed:
        print("missed: " + "; ".join(missed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
