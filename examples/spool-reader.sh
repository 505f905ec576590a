#!/bin/sh
# spool-reader.sh [SPOOL]: lists each event and mail: its id, its kind or recipient, and its state.
# Written from bookspool-spool(5) alone: it shows what another reader has to do.
export LC_ALL=C
cd "${1:-/var/spool/bookspool}" || exit 66
for file in new/* replay/* held/* done/* out/* sent/* failed/* bad/*; do
    if [ ! -f "$file" ] || [ -h "$file" ] || [ "${file%.why}" != "$file" ]; then continue; fi
    dd if="$file" bs=8192 count=1 2>/dev/null | tr '\000' '\001' | awk '
        BEGIN { n = split("bookspool 1 bookspool-mail 1 id 32 provider 8 event 64 received 31 " \
            "secret-used 15 source 15 signature 1000 content-type 1000 from 254 to 254 queued 31 length 18 " \
            "sha256 64", known, " "); for (i = 1; i < n; i += 2) limit[known[i]] = known[i + 1] }
        function hex(f) { return length(field[f]) == limit[f] && field[f] ~ /^[0-9a-f]+$/ }
        function time(f) { return field[f] ~ /^[0-9-]+[T ][0-9:.]+([Zz]|[+-][0-9:]+)$/ }
        function address(f) { return field[f] ~ /^[^ @]+@[0-9A-Za-z.-]+$/ }
        { head += length + 1; name = tolower(substr($0, 1, index($0, ":") - 1)) }
        /^$/ { good = hex("id") && hex("sha256") && field["length"] ~ /^[0-9]+$/; exit }
        !/^[0-9A-Za-z-]+:[ -~]*$/ || name in field { exit }
        name in limit { sub(/^[^:]*: */, ""); field[name] = $0; if (length > limit[name]) exit }
        END { event = field["bookspool"] == 1 && field["provider"] ~ /^cal(com|endly)$/ && time("received")
            mail = field["bookspool-mail"] == 1 && address("from") && address("to") && time("queued")
            print good && (event || mail), head, field["length"], field["sha256"], field["id"],
                event ? "event " field["provider"] "/" field["event"] : "mail " field["to"] }' | {
        read -r good head length digest id kind what
        if [ "$good" = 0 ]; then id=- kind=- what=- state='no intact header'
        elif [ "$(tail -c "+$((head + 1))" "$file" | wc -c)" -ne "$length" ]; then state='not of its Length'
        elif [ "$(tail -c "+$((head + 1))" "$file" | sha256sum)" != "$digest  -" ]; then state='not of its Sha256'
        else case $kind:$file in event:replay/* | event:[nhdb]*/"$id" | mail:[osf]*/"$id"[.-]*) state=intact ;;
            *) state='intact, but not what its place and name say' ;; esac; fi
        printf '%s\t%s\t%s %s\t%s\n' "$file" "$id" "$kind" "$what" "$state"; }; done
