"""Coordinator, nats-server and agents die by kill -9 under load, with a NATS server of its own and
with the coordinator's: nothing accepted is lost, nothing is recorded twice. CHAOS_SEED=n repeats a
run's choices."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import coord


def drive(*args):
    done = subprocess.run([sys.executable, os.path.join(HERE, "driver"), "--limit", "120", *args],
                          check=False)
    assert done.returncode == 0, f"driver {' '.join(args)} ended with {done.returncode}"


def test_kills_of_everything_around_a_nats_server_that_stands_alone():
    drive("--kills", "14", "--server-kills", "3", "--tasks", "1500", "--rate", "300")


def test_kills_of_everything_with_the_embedded_nats_server():
    drive("--embedded", "--kills", "8", "--server-kills", "2", "--tasks", "800", "--rate", "300")


if __name__ == "__main__":
    coord.main(globals())
