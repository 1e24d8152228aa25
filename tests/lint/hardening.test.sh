#!/bin/sh
# The released binary is hardened: position independent, canaries, nothing writable without need.
set -eu

binary=$VC_RELEASE_DIR/bin/vapora-coord
[ -x "$binary" ] || { echo "$binary: missing; run make first"; exit 1; }
facts=$(readelf -hldsW "$binary")
bad=0

# expect WHAT PATTERN: a line of readelf's output matches.
expect() {
    echo "$facts" | grep -Eq "$2" || { echo "$binary: $1 is missing"; bad=1; }
}

expect 'position independence (PIE)' 'Flags:.* PIE'
expect 'immediate binding (BIND_NOW)' '\(FLAGS\).* BIND_NOW'
expect 'read-only relocations (RELRO)' 'GNU_RELRO'
expect 'a stack that is not executable' 'GNU_STACK .* RW '
expect 'the stack canary' '__stack_chk_fail'
expect '_FORTIFY_SOURCE' '__[a-z]+_chk@'
exit $bad
