"""The NATS server is away for a minute: what tests/world/nats.test.py does with seconds."""
import os
import runpy
import sys

os.environ["AWAY_S"] = "60"
sys.argv[1:] = ["test_a_server_that_is_away_costs_time_and_neither_tasks_nor_memory"]
runpy.run_path(os.path.join(os.path.dirname(__file__), "nats.test.py"))
