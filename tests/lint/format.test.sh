#!/bin/sh
# Every C file is formatted as .clang-format says. Repair: clang-format -i FILE
set -eu

bad=0
checked=0
for file in $(find . \( -name build -o -name node_modules -o -name .git \) -prune -o \
    -name '*.[ch]' -print | sort); do
    checked=$((checked + 1))
    clang-format --dry-run -Werror --ferror-limit=1 "$file" 2>&1 | head -n 1 | grep . && bad=1
done
echo "$checked files checked"
[ $bad = 0 ] && [ $checked != 0 ]
