"""A client feeds 3,000 tasks while the coordinator is killed every second and nats-server every
fifth: it sees each of them end, once."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import coord


def test_a_client_sees_3000_tasks_end_once_though_all_is_killed():
    done = subprocess.run(
        [sys.executable, os.path.join(HERE, "driver"), "--tasks", "3000", "--exact", "--rate", "150",
         "--coordinator-every", "1", "--server-every", "5", "--limit", "120"], check=False)
    assert done.returncode == 0, f"the driver ended with {done.returncode}"


if __name__ == "__main__":
    coord.main(globals())
