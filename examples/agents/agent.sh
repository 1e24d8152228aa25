#!/bin/sh
# Any command is an agent: vapora-coord agent run --id shell-1 --exec ./agent.sh
# The task comes as JSON on standard input; what is printed is its result, the exit code says
# whether it went well, and on failure the end of standard error says why.
set -eu

title=$(jq -er .title)
printf '{"words": %d}\n' "$(printf %s "$title" | wc -w)"
