#!/bin/sh
# test-webhook.sh local|production [URL]: are webhooks answered as they should be?
#
# Posts to each provider's endpoint a booking, its move, its cancellation, a bad signature and a
# stale event, and prints PASS or FAIL for each answer. `local` asks http://localhost, `production`
# the addresses CALCOM_WEBHOOK_BASE_URL and CALENDLY_WEBHOOK_BASE_URL; URL replaces both.
#
# The secrets are those of the settings (BOOKSPOOL_CONF names another file), so run it as a user who
# may read receive.env. The bookings are invented, but signed, so the receiver accepts them, and each
# is mailed. Exit status: 0 when all are PASS, 1 otherwise.
set -eu

bookspool=${BOOKSPOOL:-bookspool}
conf=${BOOKSPOOL_CONF:-/etc/bookspool/bookspool.conf}

usage() {
    echo "usage: $0 local|production [URL]" >&2
    exit 64
}

# setting NAME DEFAULT: from the environment, else from the settings file.
setting() {
    value=$(printenv "$1" || sed -n "s/^[ \t]*$1[ \t]*=[ \t]*[\"']\{0,1\}\([^\"']*\).*/\1/p" \
        "$conf" 2>/dev/null | tail -n 1)
    echo "${value:-$2}"
}

case ${1:-} in
local) default=http://localhost calcom=$default calendly=$default ;;
production)
    calcom=$(setting CALCOM_WEBHOOK_BASE_URL '')
    calendly=$(setting CALENDLY_WEBHOOK_BASE_URL '')
    ;;
*) usage ;;
esac
[ $# -le 2 ] || usage
calcom=${2:-$calcom} calendly=${2:-$calendly}
if [ -z "$calcom" ] || [ -z "$calendly" ]; then
    echo "$0: CALCOM_WEBHOOK_BASE_URL and CALENDLY_WEBHOOK_BASE_URL are not both set; give a URL" >&2
    exit 64
fi
calcom=${calcom%/}$(setting CALCOM_WEBHOOK_ENDPOINT /api/calcom-webhook)
calendly=${calendly%/}$(setting CALENDLY_WEBHOOK_ENDPOINT_PREFIX /api/webhooks/calendly)

failed=0

# check WHAT EXPECTED PROVIDER SAMPLE URL [OPTION]
check() {
    what=$1 expected=$2
    shift 2
    answer=$("$bookspool" post "$@" 2>&1) || :
    case $answer in
    "$expected "*) result=PASS ;;
    *) result=FAIL failed=1 ;;
    esac
    printf '%s  %-8s  %-14s  expected %s  got %s\n' "$result" "$1" "$what" "$expected" "$answer"
}

check 'created'       200 calcom booking_created "$calcom"
check 'rescheduled'   200 calcom booking_rescheduled "$calcom"
check 'cancelled'     200 calcom booking_cancelled "$calcom"
check 'bad signature' 401 calcom booking_created "$calcom" --forge
check 'stale'         403 calcom booking_created "$calcom" --stale

check 'created'       200 calendly invitee_created "$calendly"
check 'rescheduled'   200 calendly invitee_created_moved "$calendly"
check 'cancelled'     200 calendly invitee_canceled "$calendly"
check 'bad signature' 401 calendly invitee_created "$calendly" --forge
check 'stale'         403 calendly invitee_created "$calendly" --stale

echo "The accepted events are mailed. The stale ones are in held/: see bookspool list held; remove them."
exit "$failed"
