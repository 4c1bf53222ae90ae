#!/bin/sh
# Runs a command while no engine runs: an upgrade of the driver, of llama.cpp, of a model in place.
#
#   drained.sh sudo apt-get install --only-upgrade nvidia-driver
#
# What is wanted up is drained in peace for $DEADLINE (10m) at most, and started again afterwards, whatever became of the command, whose exit
# status is the script's. Ends with 5, and starts again what had been drained, when the deadline has cut somebody off and $STRICT is set.
set -eu

deadline=${DEADLINE:-10m}
wanted=$(poolctl status --json | node -e '
  const { stale, pools } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
  if (stale !== false) process.exit(6);
  for (const { pool_id, replicas } of pools)
    for (const { replica_id, goal } of replicas) if (goal === "up") console.log(`${pool_id}/${replica_id}`);
')
[ -n "$wanted" ] || exec "$@"

# Also after Ctrl-C, and where the command fails.
trap 'poolctl start $wanted' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

status=0
poolctl drain $wanted --deadline "$deadline" || status=$?
case $status in
  0) ;;
  5) [ -z "${STRICT:-}" ] || exit 5 ;;
  *) exit "$status" ;;
esac

"$@"
