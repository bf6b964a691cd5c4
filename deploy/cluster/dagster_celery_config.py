"""Settings of the Celery workers. `dagster_celery.app` imports this module by name: its folder is on PYTHONPATH."""

import os

broker_url = result_backend = os.environ["DAGSTER_REDIS_URL"]
broker_connection_retry_on_startup = True

# A worker takes a run when it has a process for it. Runs that it took in advance would be lost with its machine.
worker_prefetch_multiplier = 1
worker_disable_prefetch = True

# A process for each run, as under Dagster's default launcher.
worker_max_tasks_per_child = 1

# Dagster captures the output of a run from the process's own files.
worker_redirect_stdouts = False
worker_hijack_root_logger = False
