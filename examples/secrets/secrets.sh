#!/bin/sh
# secrets.sh gopass PREFIX | infisical PROJECT ENVIRONMENT PATH | env FILE: writes receive.env and drain.env
# from gopass, from Infisical, or from one file of NAME=VALUE lines. As root, before the programs start, and
# again when a secret has changed; bookspool-secrets.service does so at each start.
#
# Entries are named as the settings: bookings/CALCOM_WEBHOOK_SECRET for `gopass bookings`. Each file gets the
# names that its example has and no others, so the receiver never holds the mail password. Where the source
# cannot be read, or has none of the names, the files stay as they are.
#
# gopass (github.com/gopasspw/gopass; Debian's package of that name is another program) wants a key without a
# passphrase. Infisical's client takes INFISICAL_TOKEN from the environment, or makes one of
# INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and ..._CLIENT_SECRET of a machine identity; INFISICAL_API_URL where it is
# not https://app.infisical.com/api. PROJECT is the project's id. ETC, EXAMPLES and GROUP may be set.
set -eu

etc=${ETC:-/etc/bookspool}
examples=${EXAMPLES:-/usr/local/share/doc/bookspool/examples}
group=${GROUP:-bookspool}

usage() {
    echo "usage: $0 gopass PREFIX | infisical PROJECT ENVIRONMENT PATH | env FILE" >&2
    exit 64
}

# The names that belong in one file: those of its example.
names() {
    sed -n 's/^#\{0,1\}\([A-Z][A-Z_]*\)=.*/\1/p' "$examples/$1"
}

# Prints NAME=VALUE lines.
read_source() {
    case $source in
    gopass)
        for name in $(names receive.env) $(names drain.env); do
            value=$(gopass show --password "$1/$name" 2>/dev/null) || continue
            echo "$name=$value"
        done
        ;;
    infisical)
        export INFISICAL_DISABLE_UPDATE_CHECK=true
        if [ -z "${INFISICAL_TOKEN:-}" ]; then
            INFISICAL_TOKEN=$(infisical login --method=universal-auth --plain --silent) || return
        fi
        export INFISICAL_TOKEN
        infisical export --projectId="$1" --env="$2" --path="$3" --format=dotenv
        ;;
    env) cat "$1" ;;
    esac
}

source=${1:-}
case $source:$# in
gopass:2 | infisical:4 | env:2) shift ;;
*) usage ;;
esac

umask 077
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
if ! read_source "$@" >"$found/all"; then
    echo "$0: $source cannot be read; nothing is changed" >&2
    exit 69
fi
for file in receive.env drain.env; do
    {
        echo "# Written by ${0##*/} $source; changes here are lost with its next run."
        for name in $(names $file); do
            sed -n "s/^\(export \)\{0,1\}\($name=.\)/\2/p" "$found/all"
        done
    } >"$found/$file"
done
if ! grep -q = "$found/receive.env" && ! grep -q = "$found/drain.env"; then
    echo "$0: $source has no setting of $(names receive.env | tr '\n' ' ')or drain.env; nothing is changed" >&2
    exit 66
fi
for file in receive.env drain.env; do
    chgrp "$group" "$found/$file"
    chmod 640 "$found/$file"
    cp -p "$found/$file" "$etc/$file.new"
    mv "$etc/$file.new" "$etc/$file"
done
