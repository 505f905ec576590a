#!/bin/sh
# Starts two receivers on one socket with spawn-fcgi, for machines without systemd. As root, at each
# boot: it makes /run/bookspool, too. Run again, it starts two new ones, which take the socket over,
# and then ends those of before: no request fails. `kill $(cat /run/bookspool/fcgi.pid)` ends them.
# They share the socket, so either may die without a booking being lost, but nothing starts it again:
# a supervisor is better. PREFIX, RUN, OWNER, GROUP, WEB_GROUP and WORKERS may be set.
set -eu

prefix=${PREFIX:-/usr/local}
run=${RUN:-/run/bookspool}
owner=${OWNER:-bookspool}
group=${GROUP:-$owner}
web_group=${WEB_GROUP:-www-data}

mkdir -p "$run"
old=$(cat "$run/fcgi.pid" 2>/dev/null || :)
rm -f "$run/fcgi.new"
# Standard error goes to the null device here.
export BOOKSPOOL_LOG=syslog
spawn-fcgi -s "$run/fcgi.new" -M 0660 -U "$owner" -G "$web_group" \
    -u "$owner" -g "$group" -F "${WORKERS:-2}" -P "$run/fcgi.pid" -- "$prefix/sbin/bookspool-fcgi"
mv -f "$run/fcgi.new" "$run/fcgi.sock"
for pid in $old; do
    # after a reboot the number may be another program's
    if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = bookspool-fcgi ]; then kill "$pid" || :; fi
done
