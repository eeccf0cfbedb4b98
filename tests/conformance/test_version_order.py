"""The order of versions beside the tools whose order it is: thousands of versions made from each scheme's
grammar and mutated, each compared with the one that follows it. What only one side can read is left out here,
as the tools differ in what they refuse; what both read must stand in the same order."""

import random
from collections import Counter

import pytest

from harness import holdfast as server
from harness import tools
from harness.version_tools import TOOLS, by_go

pytestmark = pytest.mark.sqlite

COUNT = 20_000
# Words that schemes know, in the grammar below as in the mutations.
WORDS = {
    "dpkg": ["~rc1", "+deb12u1", "+b1", "a", "~", "-1", "-0ubuntu1.1", ".1", "p2", "~~a", "+dfsg"],
    "rpm": ["~rc1", "^git1", "^", "~", "-1", "-6.el9_2", ".el9", "a", "_1", ".1", "+x", "-10"],
    "pep440": ["a1", "b2", "rc1", ".post1", ".dev1", "+local.1", "+5", "-1", ".rev", "-alpha", "c3", ".0", "_pre"],
    "gem": [".rc1", "-rc1", ".a", "b2", ".pre", ".0", ".beta.1", "a1"],
    "npm": ["-alpha", "-alpha.1", "-0", "-rc.1", "+build", "-beta.11", ".x", "-1a", "--"],
    "maven": ["-alpha-1", "-SNAPSHOT", ".Final", "-rc1", "a1", "-sp", ".RELEASE", "-1", ".0", "-jre", "m2", "-ga"],
    "composer": ["-dev", "-alpha1", "-beta", "b2", "-RC1", "-patch1", "-p2", ".0", "-stable", "+build", ".RC-1"],
    "go": ["-alpha", "-0.20210101000000-abcdef123456", "+incompatible", "-rc.1", "-pre.0", "-1"],
}


def versions(scheme):
    """Every second one is made from the one before, so that they are alike."""
    dice = random.Random(scheme)
    words, before, made = WORDS[scheme], {"go": "v"}.get(scheme, ""), []
    least = 3 if scheme in ("npm", "go") else 1
    while len(made) < COUNT:
        numbers = [str(dice.choice([0, 0, 1, 1, 2, 9, 10, 11])) for _ in range(dice.randint(least, max(least, 4)))]
        if scheme in ("npm", "go"):
            numbers = numbers[:3]
        text = before + ".".join(numbers)
        text += "".join(dice.choice(words) for _ in range(dice.choice([0, 1, 1, 2])))
        if scheme in ("dpkg", "rpm") and dice.random() < 0.1:
            text = dice.choice(["0:", "1:", "10:"]) + text
        if scheme == "pep440" and dice.random() < 0.1:
            text = dice.choice(["0!", "1!"]) + text
        made += [text, mutated(dice, words, text)]
    return made[:COUNT]


def mutated(dice, words, text):
    """One change, now and then two."""
    for _ in range(dice.choice([1, 1, 1, 2])):
        at = dice.randrange(len(text) + 1)
        change = dice.randrange(4)
        if change == 0:
            text += dice.choice(words)
        elif change == 1:
            text = text[:at] + dice.choice("0123456789.-+~abrcp") + text[at:]
        elif change == 2 and len(text) > 1:
            text = text[:at] + text[at + 1 :]
        else:
            text = text[:at] + dice.choice([".0", ".1", "0"]) + text[at:]
    return text


def ours(scheme, made):
    lines = "".join(f"{scheme}\t{a}\t{b}\n" for a, b in zip(made, made[1:]))
    binary = server.binary().parents[2] / "src/versions/holdfast_compare_versions"
    return tools.run([binary], stdin=lines.encode()).stdout.split()


def check(scheme, made, theirs):
    mine = ours(scheme, made)
    assert len(mine) == len(theirs) == len(made) - 1
    pairs = [(a, b, x, y) for a, b, x, y in zip(made, made[1:], mine, theirs) if "?" not in (x, y)]
    assert len(pairs) > COUNT / 4, "both read too few of them"
    assert min(Counter(x for _, _, x, _ in pairs).values()) > 100, "each answer is met"
    other = [f"{a} {b}: {x}, not {y}" for a, b, x, y in pairs if x != y]
    assert not other, f"{len(other)} of {len(pairs)}: {other[:20]}"


@pytest.mark.parametrize("scheme", TOOLS)
def test_the_order_is_the_tools(scheme):
    made = versions(scheme)
    check(scheme, made, TOOLS[scheme](made))


def test_the_order_is_gos(folder):
    made = versions("go")
    check("go", made, by_go(made, folder))
