#!/bin/sh
# Starts two receivers on one socket with spawn-fcgi, for machines without systemd. As root, once
# at boot; `kill $(cat /run/bookspool/fcgi.pid)` ends them. They share the socket, so either may
# die without a booking being lost, but nothing starts it again: a supervisor is better.
# PREFIX, RUN, OWNER, GROUP, WEB_GROUP and WORKERS may be set.
set -eu

prefix=${PREFIX:-/usr/local}
run=${RUN:-/run/bookspool}
owner=${OWNER:-bookspool}
group=${GROUP:-$owner}
web_group=${WEB_GROUP:-www-data}

mkdir -p "$run"
rm -f "$run/fcgi.sock"
# Standard error goes to the null device here.
export BOOKSPOOL_LOG=syslog
exec spawn-fcgi -s "$run/fcgi.sock" -M 0660 -U "$owner" -G "$web_group" \
    -u "$owner" -g "$group" -F "${WORKERS:-2}" -P "$run/fcgi.pid" -- "$prefix/sbin/bookspool-fcgi"
