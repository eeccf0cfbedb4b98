"""How many points are walked, and the count of them at the end."""

import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SLICES = 4  # of each walk, so that two workers share it
SEED = int(os.environ.get("FAULT_SEED", "20261124"))
POINTS = os.environ.get("FAULT_POINTS", "100")
LIST = os.environ.get("FAULT_LIST", "")
ENGINE = os.environ.get("HOLDFAST_TEST_ENGINE", "sqlite")


def chosen(population: list, part: int, walk: str, least: int | None = None, describe=str) -> list:
    """This slice's share of the points: a seeded sample of FAULT_POINTS, or all. With FAULT_LIST, a
    file in that folder lists all there are."""
    if LIST and part == 0:
        Path(LIST).mkdir(parents=True, exist_ok=True)
        (Path(LIST) / f"{walk} ({ENGINE}).txt").write_text("".join(f"{describe(point)}\n" for point in population))
    count = len(population) if POINTS == "all" else min(least or int(POINTS), len(population))
    sample = sorted(random.Random(f"{SEED} {walk}").sample(range(len(population)), count))
    return [population[index] for index in sample[part::SLICES]]


@pytest.fixture(scope="session")
def shim():
    folder = Path(tempfile.mkdtemp(prefix="hf-shim-"))
    try:
        library = folder / "shim.so"
        subprocess.run(
            ["clang++-19", "-std=c++23", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
             HERE / "shim.cpp", "-o", library],
            check=True,
        )  # fmt: skip
        yield library
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def points(record_property):
    """`points("power cut", 12)` adds to the table at the end."""

    def add(walk: str, count: int, of: int):
        record_property("fault points", f"{walk}|{count}|{of}")

    return add


def pytest_terminal_summary(terminalreporter):
    walks: dict[str, list[int]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", []):
                if name == "fault points" and report.when == "call":
                    walk, count, of = value.split("|")
                    entry = walks.setdefault(walk, [0, 0])
                    entry[0] += int(count)
                    entry[1] = max(entry[1], int(of))
    for walk, (count, of) in sorted(walks.items()):
        terminalreporter.write_line(f"fault points: {walk:<46} {count:>6,} of {of:>6,} tried")
