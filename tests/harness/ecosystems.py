"""Applications of each ecosystem, built offline by its own tools.

Each function fills a folder as an image would have it and gives what is installed there by the
ecosystem's own word: (name, version), sorted, as a scanner's packages write them. Names and versions
are those of real releases with known vulnerabilities; the code in them is made up.
"""

import hashlib
import json
import zipfile
import zlib
from pathlib import Path

from harness import tools
from harness.holdfast import TemporaryFolder

Listing = list[tuple[str, str]]


def _run(command: list, cwd: Path, home: Path, **extra: str) -> str:
    env = tools.environment(HOME=str(home), **extra)
    return tools.run([tools.tool(command[0]), *command[1:]], cwd=cwd, env=env, timeout=300).stdout


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _write_json(path: Path, value) -> Path:
    return _write(path, json.dumps(value, indent=2))


def npm(folder: Path) -> Listing:
    """node_modules by `npm install` of packed packages; a package within another among them."""
    releases = {
        "lodash": ("4.17.20", {}),
        "minimist": ("1.2.5", {}),
        "@babel/traverse": ("7.23.0", {}),
        "mkdirp": ("0.5.1", {"minimist": "1.2.0"}),
    }
    with TemporaryFolder() as shop:
        inner = _npm_pack(shop, "minimist", "1.2.0", {})
        packed = []
        for name, (version, needs) in releases.items():
            packed.append(_npm_pack(shop, name, version, {need: f"file:{inner}" for need in needs}))
        _write_json(folder / "package.json", {"name": "shop-front", "version": "1.0.0"})
        _run(["npm", "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts",
              *packed], folder, shop)
        listed = json.loads(_run(["npm", "ls", "--all", "--json"], folder, shop))
    found = {(listed["name"], listed["version"])}
    waiting = [listed]
    while waiting:
        for name, package in waiting.pop().get("dependencies", {}).items():
            found.add((name, package["version"]))
            waiting.append(package)
    return sorted(found)


def _npm_pack(shop: Path, name: str, version: str, needs: dict) -> Path:
    source = shop / "source" / f"{name}-{version}"
    _write(source / "index.js", "module.exports = {};\n")
    _write_json(source / "package.json",
                {"name": name, "version": version, "license": "MIT", "dependencies": needs})
    file = _run(["npm", "pack", "--silent", "--pack-destination", shop], source, shop).strip()
    return shop / file.splitlines()[-1]


def python(folder: Path) -> Listing:
    """A target folder of pip from local wheels, and one package as setuptools alone leaves it."""
    target = folder / "usr/lib/python3/dist-packages"
    with TemporaryFolder() as shop:
        for name, version, needs in [
            ("requests", "2.25.0", ["urllib3==1.26.4"]),
            ("urllib3", "1.26.4", []),
            ("Flask_Admin", "1.5.7", []),
        ]:
            source = _python_source(shop, name, version, needs)
            _run(["python3", "setup.py", "-q", "bdist_wheel", "-d", shop / "wheels"], source, shop)
        _run(["python3", "-m", "pip", "install", "-q", "--no-index", "--find-links",
              shop / "wheels", "--target", target, "--root-user-action=ignore",
              "requests", "Flask_Admin"], shop, shop)
        source = _python_source(shop, "PyYAML", "5.3", [])
        _run(["python3", "setup.py", "-q", "install_egg_info", "-d", target], source, shop)
        listed = _run(["python3", "-m", "pip", "list", "--path", target, "--format", "json",
                       "--disable-pip-version-check"], shop, shop)
    return sorted((package["name"], package["version"]) for package in json.loads(listed))


def _python_source(shop: Path, name: str, version: str, needs: list[str]) -> Path:
    source = shop / "source" / name
    module = name.lower()
    _write(source / f"{module}.py", "")
    _write(source / "setup.py", f"""from setuptools import setup
setup(name={name!r}, version={version!r}, py_modules=[{module!r}], license="Apache 2.0",
      install_requires={needs!r})
""")
    return source


def gem(folder: Path) -> Listing:
    """A gem home, filled by `gem install` of gems that `gem build` made."""
    home = folder / "var/lib/gems/3.1.0"
    with TemporaryFolder() as shop:
        for name, version in [
            ("rack", "2.2.3"),
            ("nokogiri", "1.13.3"),
            ("rails-html-sanitizer", "1.4.2"),
        ]:
            source = shop / name
            _write(source / f"lib/{name}.rb", "")
            _write(source / f"{name}.gemspec", f"""Gem::Specification.new do |s|
  s.name = "{name}"
  s.version = "{version}"
  s.summary = "{name}"
  s.authors = ["nobody"]
  s.files = ["lib/{name}.rb"]
  s.licenses = ["MIT", "Ruby"]
end
""")
            _run(["gem", "build", "-q", f"{name}.gemspec"], source, shop)
            _run(["gem", "install", "-q", "--local", "--no-document", "--install-dir", home,
                  f"{name}-{version}.gem"], source, shop)
        # `gem list` names what comes with Ruby too.
        listed = _run(["ruby", "-rjson", "-e", """
          puts JSON.generate(Dir[ARGV[0] + "/specifications/*.gemspec"].map { |path|
            spec = Gem::Specification.load(path)
            [spec.name, spec.version.to_s]
          })""", home], shop, shop)
    return sorted((name, version) for name, version in json.loads(listed))


def golang(folder: Path, system: str = "linux") -> Listing:
    """A program with modules of a local proxy, one of them replaced, one of a pseudo-version."""
    program = folder / "usr/bin/shop-server"
    modules = [
        ("golang.org/x/text", "v0.3.7"),
        ("golang.org/x/crypto", "v0.0.0-20200622213623-75b288015ac9"),
        ("github.com/dgrijalva/jwt-go", "v3.2.0+incompatible"),
        ("github.com/golang-jwt/jwt", "v3.2.1+incompatible"),
    ]
    with TemporaryFolder() as shop:
        for name, version in modules:
            _go_module(shop / "proxy", name, version)
        source = shop / "source"
        requires = "".join(f"\t{name} {version}\n" for name, version in modules[:3])
        _write(source / "go.mod", f"""module example.com/shop-server

go 1.17

require (
{requires})

replace github.com/dgrijalva/jwt-go => github.com/golang-jwt/jwt v3.2.1+incompatible
""")
        imports = "".join(f'import _ "{name}"\n' for name, _ in modules[:3])
        _write(source / "main.go", f"package main\n\n{imports}\nfunc main() {{}}\n")
        settings = {
            "GOPROXY": f"file://{shop}/proxy",
            "GONOSUMDB": "*",
            "GOSUMDB": "off",
            "GOFLAGS": "-mod=mod -modcacherw",
            "GOTOOLCHAIN": "local",
            "CGO_ENABLED": "0",
            "GOOS": system,
        }
        _run(["go", "build", "-o", program, "."], source, shop, **settings)
        listed = _run(["go", "version", "-m", program], source, shop)
    found = [("stdlib", listed.splitlines()[0].split(": go")[1].split()[0])]
    for line in listed.splitlines()[1:]:
        kind, *rest = line.strip().split("\t")
        if kind == "=>":
            found.pop()
        if kind in ("mod", "dep", "=>"):
            found.append((rest[0], "" if rest[1] == "(devel)" else rest[1]))
    return sorted(found)


def _go_module(proxy: Path, name: str, version: str) -> None:
    """A module as the protocol of https://go.dev/ref/mod#module-proxy serves it."""
    place = proxy / name / "@v"
    module = f"module {name}\n"
    _write(place / f"{version}.mod", module)
    _write_json(place / f"{version}.info", {"Version": version, "Time": "2020-06-22T21:36:23Z"})
    with (place / "list").open("a") as file:
        file.write(f"{version}\n")
    with zipfile.ZipFile(place / f"{version}.zip", "w") as archive:
        if not version.endswith("+incompatible"):
            archive.writestr(f"{name}@{version}/go.mod", module)
        package = name.split("/")[-1].replace("-", "")
        archive.writestr(f"{name}@{version}/all.go", f"package {package}\n")


def cargo(folder: Path) -> Listing:
    """A program with the section that cargo-auditable adds, and the Cargo.lock beside it."""
    releases = [("time", "0.1.43"), ("smallvec", "0.6.9"), ("hyper", "0.14.9")]
    with TemporaryFolder() as shop:
        for name, version in releases:
            source = shop / "crates" / name
            _write(source / "src/lib.rs", "")
            _write(source / "Cargo.toml",
                   f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2018"\n')
        needs = "".join(
            f'{name} = {{ version = "{version}", path = "../crates/{name}" }}\n'
            for name, version in releases
        )
        source = shop / "source"
        _write(source / "src/main.rs", "fn main() {}\n")
        _write(source / "Cargo.toml",
               '[package]\nname = "shop-worker"\nversion = "0.1.0"\nedition = "2018"\n\n'
               f"[dependencies]\n{needs}")
        _run(["cargo", "build", "-q", "--offline"], source, shop)
        metadata = json.loads(
            _run(["cargo", "metadata", "--offline", "--format-version", "1"], source, shop)
        )
        found = sorted((package["name"], package["version"]) for package in metadata["packages"])
        audit = {
            "packages": [
                {"name": name, "version": version, "source": "local"} for name, version in found
            ]
        }
        section = shop / "section"
        section.write_bytes(zlib.compress(json.dumps(audit).encode()))
        program = folder / "usr/bin/shop-worker"
        program.parent.mkdir(parents=True, exist_ok=True)
        _run(["objcopy", "--add-section", f".dep-v0={section}", source / "target/debug/shop-worker",
              program], shop, shop)
        _write(folder / "srv/Cargo.lock", (source / "Cargo.lock").read_text())
    return found


def composer(folder: Path) -> Listing:
    """vendor/ by `composer install` from folders; a package for development among them."""
    releases = [("monolog/monolog", "1.27.0"), ("symfony/http-kernel", "v4.4.12"),
                ("phpunit/phpunit", "5.6.2")]
    with TemporaryFolder() as shop:
        for name, version in releases:
            _write_json(shop / name / "composer.json",
                        {"name": name, "version": version, "license": "MIT"})
        repositories = [
            {"type": "path", "url": f"{shop}/*/*", "options": {"symlink": False}},
            {"packagist.org": False},
        ]
        _write_json(folder / "composer.json", {
            "name": "shop/front", "repositories": repositories,
            "require": dict(releases[:2]), "require-dev": dict(releases[2:]),
        })
        settings = {
            "COMPOSER_ALLOW_SUPERUSER": "1",
            "COMPOSER_HOME": str(shop / "home"),
            "COMPOSER_DISABLE_NETWORK": "1",
        }
        _run(["composer", "install", "-q", "--no-interaction"], folder, shop, **settings)
        listed = json.loads(_run(["composer", "show", "--format=json"], folder, shop, **settings))
    return sorted((package["name"], package["version"]) for package in listed["installed"])


def java(folder: Path) -> Listing:
    """A war with a jar of Maven, a shaded one, and one that has its manifest alone."""
    log4j = _jar(_pom("org.apache.logging.log4j", "log4j-core", "2.14.1"))
    shaded = _jar({
        **_pom("com.h2database", "h2", "1.4.200"),
        **_pom("com.google.guava", "guava", "29.0-jre"),
    })
    spring = _jar({
        "META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\nImplementation-Title: spring-core\r\n"
        "Implementation-Version: 5.3.17\r\n\r\n",
    })
    war = folder / "opt/shop.war"
    war.parent.mkdir(parents=True, exist_ok=True)
    war.write_bytes(_jar({
        "WEB-INF/web.xml": "<web-app/>",
        "WEB-INF/lib/log4j-core-2.14.1.jar": log4j,
        "WEB-INF/lib/h2-1.4.200.jar": shaded,
        "WEB-INF/lib/spring-core-5.3.17.jar": spring,
    }))
    return sorted([
        ("com.google.guava:guava", "29.0-jre"),
        ("com.h2database:h2", "1.4.200"),
        ("org.apache.logging.log4j:log4j-core", "2.14.1"),
        ("spring-core", "5.3.17"),
    ])


def _pom(group: str, name: str, version: str) -> dict[str, str]:
    """As maven-archiver writes it."""
    return {
        f"META-INF/maven/{group}/{name}/pom.properties": "#Generated by Apache Maven\n"
        f"#Sat Mar 06 22:12:31 CET 2021\nversion={version}\ngroupId={group}\nartifactId={name}\n"
    }


def _jar(members: dict[str, str | bytes]) -> bytes:
    with TemporaryFolder() as shop:
        path = shop / "x.jar"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path.read_bytes()


def nuget(folder: Path) -> Listing:
    """NAME.deps.json as `dotnet publish` writes it: Debian has no .NET."""
    target = ".NETCoreApp,Version=v6.0"
    packages = [("Newtonsoft.Json", "12.0.3"), ("System.Text.Encodings.Web", "4.5.0")]
    own = "Shop/1.0.0"
    _write_json(folder / "app/Shop.deps.json", {
        "runtimeTarget": {"name": target, "signature": ""},
        "compilationOptions": {},
        "targets": {target: {
            own: {"dependencies": dict(packages), "runtime": {"Shop.dll": {}}},
            **{f"{name}/{version}": {"runtime": {f"lib/netstandard2.0/{name}.dll": {}}}
               for name, version in packages},
        }},
        "libraries": {
            own: {"type": "project", "serviceable": False, "sha512": ""},
            **{f"{name}/{version}": {
                "type": "package", "serviceable": True, "path": f"{name.lower()}/{version}",
                "sha512": "sha512-" + hashlib.sha512(name.encode()).hexdigest(),
                "hashPath": f"{name.lower()}.{version}.nupkg.sha512",
            } for name, version in packages},
        },
    })
    return sorted(packages)


def conda(folder: Path) -> Listing:
    """Records as conda leaves them in an environment: Debian has no conda."""
    packages = [("openssl", "1.1.1q"), ("pip", "21.2.4")]
    for name, version in packages:
        _write_json(folder / f"opt/conda/conda-meta/{name}-{version}-h7f8727e_0.json", {
            "arch": "x86_64", "build": "h7f8727e_0", "build_number": 0,
            "channel": "https://repo.anaconda.com/pkgs/main/linux-64", "depends": [],
            "files": [f"lib/{name}"], "license": "OpenSSL" if name == "openssl" else "MIT",
            "name": name, "version": version, "subdir": "linux-64",
        })
    return packages


ALL = {
    "cargo": cargo,
    "composer": composer,
    "conda": conda,
    "gem": gem,
    "go": golang,
    "java": java,
    "npm": npm,
    "nuget": nuget,
    "python": python,
}
