"""The order of versions by the tools whose order it is: each function takes texts and gives, for each and the one
that follows it, "-1", "0" or "1", or "?" where the tool cannot read one of them."""

import re

from . import tools


def sign(number):
    return str((number > 0) - (number < 0))


def by_dpkg(made):
    import apt_pkg

    apt_pkg.init_system()
    return [sign(apt_pkg.version_compare(a, b)) for a, b in zip(made, made[1:])]


def by_rpm(made):
    import rpm

    def parts(text):
        epoch, colon, rest = text.partition(":")
        version, dash, release = (rest if colon else text).rpartition("-")
        return (epoch or "0" if colon else "0", version if dash else release, release if dash else "")

    def order(a, b):
        a, b = parts(a), parts(b)
        return sign(rpm.labelCompare(a, b)) if a[1] and b[1] else "?"

    return [order(a, b) for a, b in zip(made, made[1:])]


def by_packaging(made):
    from packaging import version

    def read(text):
        try:
            return version.Version(text)
        except version.InvalidVersion:
            return None

    read_all = [read(text) for text in made]
    return ["?" if a is None or b is None else sign((a > b) - (a < b)) for a, b in zip(read_all, read_all[1:])]


RUBY = """
all = STDIN.read.split("\n").map { |t| Gem::Version.correct?(t) ? Gem::Version.new(t) : nil }
all.each_cons(2) { |a, b| puts a && b ? (a <=> b) : "?" }
"""
NODE = """
const parse = require("/usr/share/nodejs/semver/functions/parse");
const compare = require("/usr/share/nodejs/semver/functions/compare");
const all = require("fs").readFileSync(0, "utf8").split("\\n").filter((t) => t).map((t) => parse(t, { loose: true }));
for (let i = 1; i < all.length; ++i)
  console.log(all[i - 1] && all[i] ? compare(all[i - 1], all[i]) : "?");
"""
PHP = """
require "/usr/share/php/Composer/Semver/autoload.php";
use Composer\\Semver\\{Comparator, VersionParser};
$parser = new VersionParser();
$all = array_map(function ($t) use ($parser) {
  try { return $parser->normalize($t); } catch (\\Exception $e) { return null; }
}, explode("\n", trim(stream_get_contents(STDIN))));
for ($i = 1; $i < count($all); ++$i) {
  [$a, $b] = [$all[$i - 1], $all[$i]];
  if ($a === null || $b === null || str_starts_with($a, "dev-") || str_starts_with($b, "dev-")) echo "?\n";
  else echo Comparator::lessThan($a, $b) ? "-1\n" : (Comparator::greaterThan($a, $b) ? "1\n" : "0\n");
}
"""
GO = """package main
import ("bufio"; "fmt"; "os"; "golang.org/x/mod/semver")
func main() {
  lines := bufio.NewScanner(os.Stdin)
  before := ""
  for first := true; lines.Scan(); first = false {
    text := lines.Text()
    if !first {
      if semver.IsValid(before) && semver.IsValid(text) { fmt.Println(semver.Compare(before, text)) } else { fmt.Println("?") }
    }
    before = text
  }
}
"""


def by_program(*command):
    return lambda made: tools.run(list(command), stdin="".join(text + "\n" for text in made).encode()).stdout.split()


def by_maven(made):
    """Its main() takes them as arguments and prints a line for each step: "   1 < 2"."""
    java = ["java", "-cp", "/usr/share/java/maven3-artifact.jar:/usr/share/java/commons-lang3.jar"]
    command = [*java, "org.apache.maven.artifact.versioning.ComparableVersion", *made]
    lines = tools.run(command).stdout.splitlines()
    signs = {"<": "-1", "==": "0", ">": "1"}
    return [signs[line.split()[-2]] for line in lines if line.startswith("   ")]


def by_go(made, folder):
    source = folder / "order.go"
    source.write_text(GO)
    environment = tools.environment(
        GOPATH="/usr/share/gocode", GO111MODULE="off", GOCACHE=str(folder / "cache"), GOFLAGS="", HOME=str(folder)
    )
    tools.run(["go", "build", "-o", folder / "order", source], env=environment, cwd=folder)
    return by_program(folder / "order")(made)


TOOLS = {
    "dpkg": by_dpkg,
    "rpm": by_rpm,
    "pep440": by_packaging,
    "gem": by_program("ruby", "-e", RUBY),
    "npm": by_program("node", "-e", NODE),
    "maven": by_maven,
    "composer": by_program("php", "-r", PHP),
}


_APK_SUFFIXES = ("alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p")


def _apk_key(text):
    """Of apk-package(5)'s order of plain versions: 1.2.3, a letter, suffixes, -r and a number."""
    found = re.fullmatch(r"(\d+(?:\.\d+)*)([a-z]?)((?:_[a-z]+\d*)*)(?:-r(\d+))?", text)
    if not found:
        return None
    first, *rest = found[1].split(".")
    # A part with a zero before it is read as a fraction; these come before numbers.
    numbers = [(1, int(first), ""), *((0, 0, part.rstrip("0")) if part[0] == "0" and part != "0" else (1, int(part), "")
                                      for part in rest)]
    suffixes = [(_APK_SUFFIXES.index(name), int(number or 0)) for name, number in re.findall(r"_([a-z]+)(\d*)", found[3])]
    return numbers, found[2], [*suffixes, (_APK_SUFFIXES.index(""), 0)], int(found[4] or 0)


def by_apk_rules(made):
    """Debian has no apk: by the rules that its manual page has."""
    keys = [_apk_key(text) for text in made]
    return ["?" if None in (a, b) else sign((a > b) - (a < b)) for a, b in zip(keys, keys[1:])]
