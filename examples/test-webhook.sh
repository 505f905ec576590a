#!/bin/sh
# test-webhook.sh local|production [URL] [--cacert FILE]: are webhooks answered as they should be?
# test-webhook.sh clean: takes what it posted out of spool and ledger again.
#
# Posts to each provider's endpoint a booking, its move, its cancellation, a bad signature and a
# stale event, and prints PASS or FAIL for each answer. `local` asks http://localhost, `production`
# the addresses CALCOM_WEBHOOK_BASE_URL and CALENDLY_WEBHOOK_BASE_URL; URL replaces both. --cacert
# names certificates to trust instead of the system's.
#
# The secrets are those of the settings (BOOKSPOOL_CONF names another file), so run it as a user who
# may read receive.env. The bookings are invented, but signed, so the receiver accepts them, and each
# is mailed; all of it is cancelled in the end. `clean` runs bookspool forget for its two invented
# customers, as root or as a member of the group bookspool, when the mails have left. Then there are
# names in done/ and cancelled bookings without a name, until the retention is over, and the mails in
# your mailbox. Exit status: 0 when all are PASS, 1 otherwise; that of bookspool forget.
set -eu

bookspool=${BOOKSPOOL:-bookspool}
conf=${BOOKSPOOL_CONF:-/etc/bookspool/bookspool.conf}

usage() {
    echo "usage: $0 local|production [URL] [--cacert FILE]" >&2
    echo "       $0 clean" >&2
    exit 64
}

# setting NAME DEFAULT: from the environment, else from the settings file.
setting() {
    value=$(printenv "$1" || sed -n "s/^[ \t]*$1[ \t]*=[ \t]*[\"']\{0,1\}\([^\"']*\).*/\1/p" \
        "$conf" 2>/dev/null | tail -n 1)
    echo "${value:-$2}"
}

mode=${1:-} url='' cacert=''
[ $# -eq 0 ] || shift
while [ $# -gt 0 ]; do
    case $1 in
    --cacert) [ $# -ge 2 ] || usage; cacert=$2; shift ;;
    -* | '') usage ;;
    *) [ -z "$url" ] || usage; url=$1 ;;
    esac
    shift
done

case $mode in
clean)
    [ -z "$url$cacert" ] || usage
    "$bookspool" forget ada@example.com && exec "$bookspool" forget gus@example.com
    exit
    ;;
local) default=http://localhost calcom=$default calendly=$default ;;
production)
    calcom=$(setting CALCOM_WEBHOOK_BASE_URL '')
    calendly=$(setting CALENDLY_WEBHOOK_BASE_URL '')
    ;;
*) usage ;;
esac
calcom=${url:-$calcom} calendly=${url:-$calendly}
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
    answer=$("$bookspool" post "$@" ${cacert:+--cacert "$cacert"} 2>&1) || :
    case $answer in
    "$expected "*) result=PASS ;;
    *) result=FAIL failed=1 ;;
    esac
    printf '%s  %-8s  %-14s  expected %s  got %s\n' "$result" "$1" "$what" "$expected" "$answer"
}

# Ids of this run: a booking, what it is moved to, and what must not get in.
first=test-$$-$(date +%s) second=test-$$-$(date +%s)-moved

check 'created'       200 calcom booking_created "$calcom" --uid "$first"
check 'rescheduled'   200 calcom booking_rescheduled "$calcom" --uid "$second" --other "$first"
check 'cancelled'     200 calcom booking_cancelled "$calcom" --uid "$second"
check 'bad signature' 401 calcom booking_created "$calcom" --forge
check 'stale'         403 calcom booking_created "$calcom" --stale

check 'created'       200 calendly invitee_created "$calendly" --uid "$first"
check 'rescheduled'   200 calendly invitee_created_moved "$calendly" --uid "$second" --other "$first"
check 'cancelled'     200 calendly invitee_canceled "$calendly" --uid "$second"
check 'bad signature' 401 calendly invitee_created "$calendly" --forge
check 'stale'         403 calendly invitee_created "$calendly" --stale

echo "The accepted events are mailed, the stale ones are in held/. When the mails are there, $0 clean"
echo "takes them out of spool and ledger."
exit "$failed"
