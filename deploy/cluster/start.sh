#!/usr/bin/env bash
# Starts one service of a cluster on this machine, in the foreground: deploy/cluster/start.sh webserver|daemon|worker
# Further arguments are options of dagster-webserver, dagster-daemon or `celery worker`, such as -c 4.
set -euo pipefail
cluster=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$cluster/../.."
: "${DAGSTER_HOME:?is not set. It names a folder with a copy of deploy/cluster/dagster.yaml.}"

if [ -d .venv ]; then
  PATH="$PWD/.venv/bin:$PATH"
fi
# The launcher and the settings of Celery.
export PYTHONPATH="$cluster${PYTHONPATH:+:$PYTHONPATH}"
# Celery's command line does not read .env. As elsewhere, its values override the environment.
environment=()
if [ -f .env ]; then
  environment=(python -m dotenv -f .env run --)
fi

role=${1:-}
shift || true
case "$role" in
  webserver) exec "${environment[@]}" dagster-webserver -w workspace.yaml -h 127.0.0.1 -p 3000 "$@" ;;
  daemon) exec "${environment[@]}" dagster-daemon run -w workspace.yaml "$@" ;;
  worker) exec "${environment[@]}" celery -A dagster_celery.app worker -n worker@%h -Q dagster -c 2 -l INFO "$@" ;;
  *)
    echo "Usage: deploy/cluster/start.sh webserver|daemon|worker [options]" >&2
    exit 2
    ;;
esac
