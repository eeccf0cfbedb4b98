"""The program as a client of a server, with a home of its own."""

import json

from . import tools


class Cli:
    """Runs the program with a home of its own."""

    def __init__(self, server, home):
        self.server = server
        self.home = home
        self.host = "127.0.0.1:" + server.ready["https"].rpartition(":")[2]
        self.config = home / ".config/holdfast/config.json"

    def environment(self, **extra):
        return tools.environment(HOME=str(self.home), **extra)

    def __call__(self, *words, stdin=None, expect=0, **extra):
        return tools.run([self.server.program, *words], stdin=stdin, expect=expect,
                         env=self.environment(**extra))

    def login(self, user, password):
        return self("login", self.host, "-u", user, "--password-stdin", "--ca", str(self.server.ca),
                    stdin=password + "\n")

    def json(self, *words, stdin=None):
        return json.loads(self(*words, "--json", stdin=stdin).stdout)

    def names(self, *words):
        return self(*words, "-q", "--all").stdout.split()
