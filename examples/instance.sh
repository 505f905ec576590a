#!/bin/sh
# instance.sh NAME: a second instance of bookspool on this machine, such as one for staging, with a user,
# settings, secrets, spool, ledger, socket and units of its own. instance.sh --remove NAME takes its units and
# nginx's files away again; its settings, spool and state stay.
#
# It is made of the files that are installed: units, nginx's snippets and example settings, with "bookspool"
# replaced by "bookspool-NAME". After an upgrade, run it again. The programs are shared.
# PREFIX says where bookspool is installed; DESTDIR is put before all that is written.
set -eu

prefix=${PREFIX:-/usr/local}
[ -n "${PREFIX:-}" ] || [ ! -x /usr/sbin/bookspool-fcgi ] || prefix=/usr
root=${DESTDIR:-}
remove=no
[ "${1:-}" = --remove ] && remove=yes && shift
name=${1:-}
case $name in
page) echo "$0: /var/lib/bookspool-page is the status page's" >&2 && exit 64 ;;
'' | *[!a-z0-9]* | ?????????????*)
    echo "usage: $0 [--remove] NAME: up to 12 of a-z and 0-9, such as staging" >&2
    exit 64
    ;;
esac
own=bookspool-$name

# Units may be in lib of the prefix, or in /lib, or be an administrator's.
units=''
for folder in "$prefix/lib/systemd/system" /lib/systemd/system /etc/systemd/system; do
    [ -n "$units" ] || [ ! -e "$folder/bookspool-fcgi.service" ] || units=$folder
done
if [ -z "$units" ]; then
    echo "$0: no bookspool-fcgi.service: install bookspool first, or set PREFIX" >&2
    exit 66
fi

names() {
    for unit in "$units"/bookspool-fcgi.* "$units"/bookspool-drain.* "$units"/bookspool-watch.* \
        "$units"/bookspool-reconcile.* "$units"/bookspool-prune.*; do
        [ ! -e "$unit" ] || echo "${unit##*/bookspool-}"
    done
}
# What can be enabled, and what of it is: the watch replaces the drain's timer, and reconcile wants a token.
enabled() { names | grep -v '^drain.service$\|^reconcile.service$\|^prune.service$' | sed "s/^/$own-/"; }
started() { enabled | grep -v -e '-watch.service$' -e '-reconcile.timer$'; }

if [ $remove = yes ]; then
    # shellcheck disable=SC2046
    [ -n "$root" ] || systemctl disable --now $(enabled)
    for unit in $(names); do rm -f "$root/etc/systemd/system/$own-$unit"; done
    rm -f "$root/etc/sysusers.d/$own.conf" "$root/etc/tmpfiles.d/$own.conf" \
        "$root"/etc/nginx/snippets/"$own"-*.conf
    [ -n "$root" ] || systemctl daemon-reload
    echo "Kept: /etc/$own, /var/spool/$own, /var/lib/$own and the user $own."
    exit 0
fi

# derive FROM TO MODE: the programs keep their names, all else becomes this instance's.
derive() {
    mkdir -p "$(dirname "$root$2")"
    sed -e "s|bookspool|$own|g" -e "s|bin/$own|bin/bookspool|g" -e "s|man:$own|man:bookspool|g" "$1" >"$root$2"
    chmod "$3" "$root$2"
}

for unit in $(names); do
    derive "$units/bookspool-$unit" "/etc/systemd/system/$own-$unit" 644
    case $unit in
    *.service)
        sed -i "s|^\[Service\]|&\nEnvironment=BOOKSPOOL_CONF=/etc/$own/bookspool.conf|" "$root/etc/systemd/system/$own-$unit"
        ;;
    esac
    sed -i "s|/etc/$own/$own.conf|/etc/$own/bookspool.conf|" "$root/etc/systemd/system/$own-$unit"
done
derive "$prefix/lib/sysusers.d/bookspool.conf" "/etc/sysusers.d/$own.conf" 644
derive "$prefix/lib/tmpfiles.d/bookspool.conf" "/etc/tmpfiles.d/$own.conf" 644
for half in http server; do
    derive "/etc/nginx/snippets/bookspool-$half.conf" "/etc/nginx/snippets/$own-$half.conf" 644
done

settings=$root/etc/$own
mkdir -p "$settings"
for file in bookspool.conf receive.env drain.env; do
    [ ! -e "$settings/$file" ] || continue
    mode=640
    [ $file != bookspool.conf ] || mode=644
    install -m $mode "$prefix/share/doc/bookspool/examples/$file" "$settings/$file"
    [ $file != bookspool.conf ] || printf '%s\n' '' '# This instance.' "BOOKSPOOL_SPOOL=/var/spool/$own" \
        "BOOKSPOOL_STATE=/var/lib/$own" >>"$settings/$file"
done

if [ -z "$root" ]; then
    systemd-sysusers "/etc/sysusers.d/$own.conf"
    systemd-tmpfiles --create "/etc/tmpfiles.d/$own.conf"
    chgrp "$own" "$settings/receive.env" "$settings/drain.env"
    systemctl daemon-reload
    # shellcheck disable=SC2046
    systemctl enable --now $(started)
    systemctl try-restart "$own-fcgi.service" "$own-watch.service" # what runs since before an upgrade
fi
cat <<EOF
The instance $name runs. Its settings: /etc/$own. Next:
  a secret of its own in /etc/$own/receive.env, then: systemctl restart $own-fcgi
  nginx: ln -s ../snippets/$own-http.conf /etc/nginx/conf.d/$own.conf
  and in a server block of its own: include snippets/$own-server.conf;
The tool: BOOKSPOOL_CONF=/etc/$own/bookspool.conf bookspool status
EOF
