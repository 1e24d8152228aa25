#!/bin/sh
# Every script is understood by the shell that its first line names.
set -eu

bad=0
checked=0
for file in $(find . \( -name build -o -name node_modules -o -name .git \) -prune -o \
    -type f -print | sort); do
    read -r first <"$file" 2>/dev/null || continue
    case $first in
    '#!/bin/sh'* | '#!/usr/bin/env sh'*) shell=sh ;;
    '#!/bin/bash'* | '#!/usr/bin/env bash'*) shell=bash ;;
    *)
        case $file in *.sh) echo "$file:1: no #!/bin/sh line" && bad=1 ;; esac
        continue
        ;;
    esac
    checked=$((checked + 1))
    $shell -n "$file" || bad=1
done
echo "$checked scripts checked"
[ $bad = 0 ] && [ $checked != 0 ]
