"""What the whole-system tests stand on: the server as a process, clients, machines, proxies."""
