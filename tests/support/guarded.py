"""A nats-server with the users and permissions that `vapora-coord nats auth` writes."""
import os
import subprocess

import coord


class GuardedServer(coord.NatsServer):
    """`GuardedServer("--agent", "ada", "--submitter", "web")`; `passwords` are kept, {user: text}"""

    def __init__(self, *users, passwords=()):
        self.users, self.passwords = users, dict(passwords)
        super().__init__()

    def start(self):
        self.keys = os.path.join(self.dir, "keys")
        os.makedirs(self.keys, 0o700, exist_ok=True)
        for user, password in self.passwords.items():
            with open(os.open(os.path.join(self.keys, user + ".url"), os.O_CREAT | os.O_WRONLY,
                              0o600), "w", encoding="utf-8") as file:
                file.write(f"nats://{user}:{password}@127.0.0.1:{self.port}\n")
        done = coord.run("nats", "auth", *self.users, "--dir", self.keys,
                         "--server", f"127.0.0.1:{self.port}")
        assert done.returncode == 0, done
        path = os.path.join(self.dir, "server.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'listen: "127.0.0.1:{self.port}"\n'
                       f'jetstream {{ store_dir: "{self.dir}" }}\n'
                       "include keys/auth.conf\n")
        with open(os.path.join(self.dir, "server.log"), "ab") as log:
            self.process = subprocess.Popen(["nats-server", "-c", path], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        coord.until("nats-server to listen", self.listens)

    def url_file(self, user):
        """What --url takes for this user."""
        return "@" + os.path.join(self.keys, user + ".url")

    def connect(self, user="coordinator"):
        with open(self.url_file(user)[1:], encoding="utf-8") as file:
            return coord.Nats(file.read().strip())
