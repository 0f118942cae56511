#!/bin/sh
# What flatnet-bot may change as root in WSL2. prepare-wsl.sh --manage installs it as /usr/local/libexec/flatnet-bot, and
# /etc/flatnet-bot/allow beside it, which names the areas that are allowed and what they are about.
#
#     version                            this version, and the allowed areas
#     forwarding status                  the bridge, its address, and IP forwarding now and at boot
#     forwarding apply                   sets them up where they are missing
#     containers list                    Flatnet's containers with their addresses, one JSON object a line
#     containers start|stop|restart ID   one of them, by its 64 digits
#     ipam list                          the addresses that Flatnet's plug-in has handed out, as its JSON file
#     backup write                       a tar on standard output: plug-in, its configuration, its addresses
#     backup size                        bytes and SHA-256 of that tar, which is the same as long as its files are
#     backup read OFFSET                 256 KiB of it, from a byte on
#
# It takes no other argument, no path, no name and nothing from the environment (sudo clears that).
# Exit codes: 2 no such verb or argument, 3 the area is not allowed, 4 others than root can change this file or the allow
# list, 5 the allow list is broken, 6 the verb failed; podman's own are passed on.
set -euf
unset IFS
umask 022
cd /
PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL

version=1
self=/usr/local/libexec/flatnet-bot
allow=/etc/flatnet-bot/allow
boot=/etc/sysctl.d/zz-flatnet-bot.conf # after every file with a number, of which the last one wins

fail() {
    status=$1
    shift
    printf '%s\n' "flatnet-bot: $*" >&2
    exit "$status"
}

refuse() {
    fail 2 "no such verb or argument. Read the head of $self"
}

fits() {
    printf '%s' "$2" | grep -Eqx "$1"
}

# A file or folder of root that others cannot change, and no link. What is not there can be made by nobody but its folder.
require_root() {
    state=$(stat --format='%u %a %F' "$1" 2>/dev/null) || fail 4 "$1 is not there. Run prepare-wsl.sh --manage again"
    owner=${state%% *} kind=${state#* }
    mode=${kind%% *} kind=${kind#* }
    case $kind in
    *"$2") ;;
    *) fail 4 "$1 is a $kind, not a $2" ;;
    esac
    if [ "$owner" -ne 0 ] || [ $((0$mode & 022)) -ne 0 ]; then
        fail 4 "others than root can change $1. Run as root: chown root:root $1; chmod go-w $1"
    fi
}

# A path, and every folder above it.
require_root_path() {
    path=$1
    require_root "$path" "$2"
    while [ "$path" != / ]; do
        path=${path%/*}
        path=${path:-/}
        require_root "$path" directory
    done
}

read_allow() {
    areas='' bridge='' address='' network='' folder=''
    while read -r name value; do
        case $name in
        '' | '#'*) ;;
        areas) areas=$value ;;
        bridge) bridge=$value ;;
        address) address=$value ;;
        network) network=$value ;;
        folder) folder=$value ;;
        *) fail 5 "$allow has a line that is not known. Run prepare-wsl.sh --manage again" ;;
        esac
    done <"$allow"
    check_allow areas "$areas" '(forwarding|containers|ipam|backup)( (forwarding|containers|ipam|backup)){0,3}'
    check_allow bridge "$bridge" '[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}'
    check_allow address "$address" '10\.87\.([1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-4])\.1/24'
    check_allow network "$network" '[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}'
    check_allow folder "$folder" '(/[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}){1,8}'
}

check_allow() {
    fits "$3" "$2" || fail 5 "$1 is missing or wrong in $allow. Run prepare-wsl.sh --manage again"
}

require_area() {
    case " $areas " in
    *" $1 "*) ;;
    *)
        all=$(printf '%s %s' "$areas" "$1" | tr ' ' ',')
        id=${address#10.87.}
        fail 3 "$1 is not allowed here. To allow it, run as root: sh prepare-wsl.sh --manage $all --id ${id%%.*}"
        ;;
    esac
}

show_version() {
    printf '{"version":%s,"areas":["%s"]}\n' "$version" "$(printf '%s' "$areas" | sed 's/ /","/g')"
}

# forwarding

# "absent", "other" (no bridge), "down" or "up". A bridge without a running container is up, although it has no carrier.
read_link() {
    if ! ip link show dev "$bridge" >/dev/null 2>&1; then
        echo absent
        return
    fi
    case $(ip -o link show dev "$bridge" type bridge) in
    '') echo other ;;
    *[\<,]UP[,\>]*) echo up ;;
    *) echo down ;;
    esac
}

list_addresses() {
    ip -o -4 addr show dev "$bridge" 2>/dev/null | sed -n 's/.* inet \([0-9./]*\) .*/\1/p'
}

has_address() {
    list_addresses | grep -Fqx "$address"
}

is_kept_at_boot() {
    [ -f "$boot" ] && grep -qx 'net.ipv4.ip_forward = 1' "$boot"
}

# Docker and ufw drop what is forwarded and not named. Without iptables there is no such rule of theirs.
is_blocked() {
    command -v iptables >/dev/null || return 1
    iptables -w 5 -S FORWARD 2>/dev/null | grep -qx -e '-P FORWARD DROP' || return 1
    ! { iptables -w 5 -C FORWARD -i "$bridge" -j ACCEPT && iptables -w 5 -C FORWARD -o "$bridge" -j ACCEPT; } 2>/dev/null
}

tell() {
    if "$@"; then
        echo true
    else
        echo false
    fi
}

show_forwarding() {
    printf '{"bridge":"%s","address":"%s","link":"%s","addressed":%s,"forwarding":%s,"at_boot":%s,"blocked":%s}\n' \
        "$bridge" "$address" "$(read_link)" "$(tell has_address)" \
        "$(tell [ "$(sysctl -n net.ipv4.ip_forward)" = 1 ])" "$(tell is_kept_at_boot)" "$(tell is_blocked)"
}

# It adds what is missing and takes nothing away.
apply_forwarding() {
    case $(read_link) in
    other) fail 6 "$bridge is there and is no bridge. Find out what made it: ip -d link show $bridge" ;;
    absent) ip link add name "$bridge" type bridge ;;
    esac
    others=$(list_addresses | grep -Fvx "$address" | tr '\n' ' ' || :)
    [ -z "$others" ] || fail 6 "$bridge has the address $others""instead of $address. Fix Flatnet's network first"
    has_address || ip addr add "$address" dev "$bridge"
    ip link set dev "$bridge" up
    sysctl -qw net.ipv4.ip_forward=1
    keep_at_boot
    if is_blocked; then
        iptables -w 5 -A FORWARD -i "$bridge" -j ACCEPT
        iptables -w 5 -A FORWARD -o "$bridge" -j ACCEPT
    fi
    show_forwarding
}

keep_at_boot() {
    if is_kept_at_boot; then
        return
    fi
    new=$(mktemp "$boot.XXXXXX")
    printf '# Written by flatnet-bot: containers are reached through this host.\nnet.ipv4.ip_forward = 1\n' >"$new"
    chmod 0644 "$new"
    mv -T "$new" "$boot"
}

# containers

list_ids() {
    timeout 10 podman ps -a --no-trunc --filter "network=$network" --format '{{.ID}}'
}

# Settings such as environment and command stay here, because they may hold secrets.
show_containers() {
    format='{"id":{{json .ID}},"name":{{json .Name}},"image":{{json .ImageName}},"image_id":{{json .Image}}'
    format="$format"',"state":{{json .State.Status}},"exit_code":{{json .State.ExitCode}}'
    format="$format"',"started_at":{{json .State.StartedAt}},"restarts":{{json .RestartCount}}'
    format="$format"',"address":{{json (index .NetworkSettings.Networks "'"$network"'").IPAddress}}}'
    xargs -r timeout 20 podman inspect --type container --format "$format"
}

# One that is removed between the two questions makes the second fail, so both are asked again.
list_containers() {
    ids=$(list_ids)
    listed=$(printf '%s\n' "$ids" | show_containers) || {
        ids=$(list_ids)
        listed=$(printf '%s\n' "$ids" | show_containers)
    }
    [ -z "$listed" ] || printf '%s\n' "$listed"
}

move_container() {
    case $2 in
    *[!0-9a-f]*) refuse ;;
    esac
    [ ${#2} -eq 64 ] || refuse
    ids=$(list_ids)
    printf '%s\n' "$ids" | grep -Fqx "$2" || fail 6 "no container of the network $network has this ID"
    case $1 in
    start) timeout 60 podman start "$2" >/dev/null ;;
    stop) timeout 60 podman stop --time 30 "$2" >/dev/null ;;
    restart) timeout 60 podman restart --time 30 "$2" >/dev/null ;;
    esac
    printf '%s\n' "$2" | show_containers
}

# ipam and backup

list_ipam() {
    file=$folder/ipam/allocations.json
    [ -e "$file" ] || fail 6 "$file is not there. Is Flatnet's plug-in in use?"
    require_root_path "$file" 'regular file'
    [ "$(stat --format=%s "$file")" -le 1048576 ] || fail 6 "$file is larger than 1 MB"
    cat "$file"
}

# Links are kept as links, so nothing outside of these places is read.
write_backup() {
    set --
    if [ -e "$folder/ipam" ]; then
        require_root_path "$folder/ipam" directory
        set -- "$@" ".$folder/ipam"
    fi
    set +f
    for file in /opt/cni/bin/flatnet /etc/cni/net.d/*flatnet*.conflist "/etc/containers/networks/$network.json"; do
        if [ -e "$file" ]; then
            require_root_path "$file" 'regular file'
            set -- "$@" ".$file"
        fi
    done
    set -f
    [ $# -gt 0 ] || fail 6 "there is nothing of Flatnet to keep"
    tar --create --file=- --directory=/ --sort=name --numeric-owner --one-file-system -- "$@"
}

size_backup() {
    write_backup >/dev/null # so that a failure is not hidden by the pipes
    printf '{"size":%s,"sha256":"%s"}\n' "$(write_backup | wc -c)" "$(write_backup | sha256sum | cut -d' ' -f1)"
}

read_backup() {
    case $1 in
    '' | *[!0-9]* | 0?*) refuse ;;
    esac
    [ ${#1} -le 12 ] || refuse
    write_backup >/dev/null
    write_backup | tail -c "+$(($1 + 1))" | head -c 262144
}

[ $# -gt 0 ] || refuse
[ "$(id -u)" -eq 0 ] || fail 6 "run it as root, with sudo -n $self"
require_root_path "$self" 'regular file'
require_root_path "$allow" 'regular file'
read_allow
case $#:$1 in
1:version)
    show_version
    exit
    ;;
2:forwarding | 2:containers | 2:ipam | 2:backup | 3:containers | 3:backup) require_area "$1" ;;
*) refuse ;;
esac
case $#:$1:$2 in
2:forwarding:status) show_forwarding ;;
2:forwarding:apply) apply_forwarding ;;
2:containers:list) list_containers ;;
3:containers:start | 3:containers:stop | 3:containers:restart) move_container "$2" "$3" ;;
2:ipam:list) list_ipam ;;
2:backup:write) write_backup ;;
2:backup:size) size_backup ;;
3:backup:read) read_backup "$3" ;;
*) refuse ;;
esac
