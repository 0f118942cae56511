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
#     backup list                        the files that it would hold, with SHA-256, and the text of configurations
#     backup stage SHA256 SIZE           makes room for such a tar of this host, which is to be put back
#     backup fill SHA256 OFFSET          takes 256 KiB of it from standard input
#     backup staged SHA256               how much of it is there, and whether that is the whole of it
#     backup check SHA256                what is in place compared with it, and whether that works
#     backup put SHA256                  puts plug-in and configuration in place; addresses are made anew from podman
#     backup return SHA256               puts back what that replaced
#     backup forget SHA256               removes it, and what it replaced
#
# Only a tar that this helper made itself is put back: it keeps the SHA-256 of each one, where root alone can write.
# It takes no other argument, no path, no name and nothing from the environment (sudo clears that).
# Exit codes: 2 no such verb or argument, 3 the area is not allowed, 4 others than root can change this file or the allow
# list, 5 the allow list is broken, 6 the verb failed; podman's own are passed on.
set -euf
unset IFS
umask 022
cd /
PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL

version=2
self=/usr/local/libexec/flatnet-bot
allow=/etc/flatnet-bot/allow
boot=/etc/sysctl.d/zz-flatnet-bot.conf # after every file with a number, of which the last one wins
store=/var/lib/flatnet-bot             # what is put back, what that replaced, and which tars are this host's own
known=$store/known
newline='
'

fail() {
    status=$1
    shift
    printf '%s\n' "flatnet-bot: $*" >&2
    exit "$status"
}

refuse() {
    fail 2 "no such verb or argument. Read the head of $self"
}

# The whole value: grep takes each line for itself, and one that fits must not carry others in.
fits() {
    case $2 in
    *"$newline"*) return 1 ;;
    esac
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

# Plug-in and configuration in a folder, or in their places: what is put back as files.
list_kept() {
    set +f
    for file in "$1/opt/cni/bin/flatnet" "$1"/etc/cni/net.d/*flatnet*.conflist "$1/etc/containers/networks/$network.json"; do
        if [ -e "$file" ]; then
            fits '[a-zA-Z0-9_./-]*' "$file" || fail 6 "the name of a file of Flatnet is not plain"
            printf '%s\n' "${file#"$1"}"
        fi
    done
    set -f
}

# Links are kept as links, so nothing outside of these places is read.
write_backup() {
    set --
    if [ -e "$folder/ipam" ]; then
        require_root_path "$folder/ipam" directory
        set -- "$@" ".$folder/ipam"
    fi
    kept=$(list_kept '')
    for file in $kept; do
        require_root_path "$file" 'regular file'
        set -- "$@" ".$file"
    done
    [ $# -gt 0 ] || fail 6 "there is nothing of Flatnet to keep"
    tar --create --file=- --directory=/ --sort=name --numeric-owner --one-file-system -- "$@"
}

size_backup() {
    write_backup >/dev/null # so that a failure is not hidden by the pipes
    made=$(write_backup | sha256sum | cut -d' ' -f1)
    remember "$made"
    printf '{"size":%s,"sha256":"%s"}\n' "$(write_backup | wc -c)" "$made"
}

# Of the newest thousand: a backup a day for almost three years.
remember() {
    open_store
    if grep -Fqxs "$1" "$known"; then
        return
    fi
    { tail -n 999 "$known" 2>/dev/null || :; printf '%s\n' "$1"; } >"$known.new"
    mv -T "$known.new" "$known"
}

read_backup() {
    case $1 in
    '' | *[!0-9]* | 0?*) refuse ;;
    esac
    [ ${#1} -le 12 ] || refuse
    write_backup >/dev/null
    write_backup | tail -c "+$(($1 + 1))" | head -c 262144
}

list_backup() {
    list_kept '' | while read -r file; do
        require_root_path "$file" 'regular file'
        text=''
        case $file in
        /opt/*) ;;
        *) [ "$(stat --format=%s "$file")" -gt 65536 ] || text=$(base64 --wrap=0 "$file") ;;
        esac
        printf '{"path":"%s","size":%s,"sha256":"%s","text":"%s"}\n' \
            "$file" "$(stat --format=%s "$file")" "$(hash_file "$file")" "$text"
    done
}

# putting back

hash_file() {
    sha256sum "$1" | cut -d' ' -f1
}

# One call at a time: a second one would unpack anew what the first is putting in place, after an answer that was lost.
open_store() {
    [ -d "$store" ] || mkdir -m 0700 "$store"
    require_root_path "$store" directory
    exec 8<"$store"
    flock -w 15 8 || fail 6 "another call is at work in $store. Try again"
}

# Its plug-in will run as root, so it must be one that ran here before.
use_staged() {
    fits '[0-9a-f]{64}' "$1" || refuse
    open_store
    grep -Fqxs "$1" "$known" ||
        fail 6 "this host did not make that backup. If you know it to be right, run as root: echo $1 >>$known"
    staged=$store/$1.tar part=$store/$1.part new=$store/$1.new old=$store/$1.old
}

fits_number() {
    fits '0|[1-9][0-9]{0,11}' "$1" || refuse
}

make_room() {
    fits_number "$2"
    use_staged "$1"
    rm -rf "$old" # of an earlier time
    if [ -f "$staged" ]; then
        show_staged "$1"
        return
    fi
    free=$(($(stat --file-system --format='%a * %S' "$store")))
    [ "$free" -gt $(($2 * 3 + 16777216)) ] || fail 6 "too little free space in $store: $free bytes are free"
    : >"$part"
    show_staged "$1"
}

# A piece that comes twice is taken once.
fill_staged() {
    fits_number "$2"
    use_staged "$1"
    [ -f "$part" ] || fail 6 "no room was made for it"
    head -c 262144 >"$part.piece"
    have=$(stat --format=%s "$part") size=$(stat --format=%s "$part.piece")
    if [ "$have" -eq "$2" ]; then
        cat "$part.piece" >>"$part"
    elif [ "$have" -ne $(($2 + size)) ]; then
        rm -f "$part.piece"
        fail 6 "the pieces arrived out of order"
    fi
    rm -f "$part.piece"
    show_staged "$1"
}

show_staged() {
    if [ ! -f "$staged" ] && [ -f "$part" ] && [ "$(hash_file "$part")" = "$1" ]; then
        sync "$part"
        mv -T "$part" "$staged"
    fi
    if [ -f "$staged" ]; then
        printf '{"received":%s,"sha256":"%s"}\n' "$(stat --format=%s "$staged")" "$(hash_file "$staged")"
    elif [ -f "$part" ]; then
        printf '{"received":%s,"sha256":""}\n' "$(stat --format=%s "$part")"
    else
        printf '{"received":0,"sha256":""}\n'
    fi
}

unpack_staged() {
    if [ ! -f "$staged" ] || [ "$(hash_file "$staged")" != "$1" ]; then
        fail 6 "it is not there as a whole"
    fi
    rm -rf "$new"
    mkdir -m 0700 "$new"
    tar --extract --file="$staged" --directory="$new"
}

# Beside its place first, whole and on the disk: a power cut leaves the one or the other.
put_file() {
    place=${2%/*}
    [ -d "$place" ] || mkdir -p "$place"
    require_root_path "$place" directory
    cp --preserve=mode,ownership,timestamps -T "$1" "$2.flatnet-bot"
    sync "$2.flatnet-bot"
    mv -T "$2.flatnet-bot" "$2"
    sync "$place"
}

# Everything that is in place becomes what lies in a folder, and what is not in there goes.
put_all() {
    list_kept "$1" | while read -r file; do
        if [ ! -f "$1$file" ] || [ -L "$1$file" ]; then
            fail 6 "$file is no file there"
        fi
        cmp -s "$1$file" "$file" || put_file "$1$file" "$file"
    done
    list_kept '' | while read -r file; do
        [ -e "$1$file" ] || rm -f "$file"
    done
}

# What is replaced is kept once: a second call after a power cut finds a half of the new state.
keep_old() {
    if [ -d "$old" ]; then
        return
    fi
    rm -rf "$old.new"
    mkdir -m 0700 "$old.new"
    list_kept '' | while read -r file; do
        require_root_path "$file" 'regular file'
        mkdir -p "$old.new${file%/*}"
        cp --preserve=mode,ownership,timestamps -T "$file" "$old.new$file"
    done
    sync --file-system "$old.new"
    mv -T "$old.new" "$old"
}

put_backup() {
    use_staged "$1"
    unpack_staged "$1"
    keep_old
    put_all "$new"
    rebuild_addresses
    compare_with "$new"
}

return_backup() {
    use_staged "$1"
    [ -d "$old" ] || fail 6 "nothing was replaced by it"
    put_all "$old"
    rebuild_addresses
    compare_with "$old"
}

check_backup() {
    use_staged "$1"
    unpack_staged "$1"
    compare_with "$new"
}

forget_backup() {
    fits '[0-9a-f]{64}' "$1" || refuse
    open_store
    rm -rf "$store/$1.tar" "$store/$1.part" "$store/$1.part.piece" "$store/$1.new" "$store/$1.old" "$store/$1.old.new"
    printf '{"received":0,"sha256":""}\n'
}

compare_with() {
    files=$(
        { list_kept "$1"; list_kept ''; } | sort -u | while read -r file; do
            state=other
            if [ ! -e "$1$file" ]; then
                state=extra
            elif [ ! -e "$file" ]; then
                state=absent
            elif cmp -s "$1$file" "$file"; then
                state=same
            fi
            printf ',{"path":"%s","state":"%s"}' "$file" "$state"
        done
    )
    printf '{"files":[%s],"answers":%s,"network":%s,"addressed":%s}\n' "${files#,}" "$(tell does_answer)" \
        "$(tell has_network)" "$(tell are_addressed)"
}

# A plug-in that runs says its versions, and changes nothing.
does_answer() {
    [ -e /opt/cni/bin/flatnet ] || return 0
    printf '{"cniVersion":"1.0.0"}' | CNI_COMMAND=VERSION timeout 5 /opt/cni/bin/flatnet 2>/dev/null |
        grep -q supportedVersions
}

has_network() {
    timeout 10 podman network inspect "$network" >/dev/null 2>&1
}

list_addressed() {
    ids=$(timeout 5 podman ps -a --no-trunc --filter "network=$network" --format '{{.ID}}') || return 1
    printf '%s\n' "$ids" | xargs -r timeout 5 podman inspect --type container \
        --format '{{.Id}} {{(index .NetworkSettings.Networks "'"$network"'").IPAddress}}'
}

are_addressed() {
    file=$folder/ipam/allocations.json
    [ -e "$folder/ipam" ] || return 0
    listed=$(list_addressed) || return 1
    said=$(read_allocations "$file") || return 1
    printf '%s\n' "$listed" | while read -r id ip; do
        [ -z "$ip" ] || printf '%s\n' "$said" | grep -Fqx "$id $ip" || return 1
    done
}

# What the plug-in writes, without spaces. What does not look like that is not relied on.
read_header() {
    [ -f "$1" ] && [ ! -L "$1" ] && [ "$(stat --format=%s "$1")" -le 1048576 ] || return 1
    text=$(tr -d ' \t\r\n' <"$1")
    field='"(subnet|gateway|range_start|range_end)":"[0-9./]{7,18}"|"host_id":[0-9]{1,3}|"multihost":(true|false)'
    entry='"[0-9a-zA-Z_.-]{1,128}":"[0-9.]{7,15}"'
    fits "\\{(($field),)+\"allocations\":\\{($entry(,$entry)*)?\\}\\}" "$text" || return 1
    printf '%s' "${text%%\"allocations\"*}"
}

# Lines of ID and address.
read_allocations() {
    read_header "$1" >/dev/null || return 1
    tr -d ' \t\r\n' <"$1" | sed 's/.*"allocations":{//; s/}}$//' | tr ',' '\n' | sed -n 's/^"\(.*\)":"\(.*\)"$/\1 \2/p'
}

# An old file would hand out addresses that are in use. So they are those of podman's containers; of the others that podman
# knows, the present file counts: one that starts right now has its address before podman tells of it. The plug-in takes the
# same lock for all that it does. A container that starts waits for it, and podman for that container: so it is let go.
rebuild_addresses() {
    if [ ! -e "$folder/ipam" ] && [ ! -e "$new$folder/ipam" ]; then
        return
    fi
    [ -d "$folder/ipam" ] || mkdir -p "$folder/ipam"
    require_root_path "$folder/ipam" directory
    for turn in 1 2 3; do
        if (
            flock -w 5 9 || exit 1
            write_addresses
        ) 9>>"$folder/ipam/.lock"; then
            return
        fi
        sleep "$turn"
    done
    fail 6 "podman or the plug-in is busy, so the addresses were not made anew. Try again when no container starts"
}

write_addresses() {
    file=$folder/ipam/allocations.json
    header=$(read_header "$file") || header=$(read_header "$new$file") || return 1
    listed=$(list_addressed) || return 1
    taken=$(printf '%s\n' "$listed" | sed -n '/^[0-9a-f]\{64\} [0-9.]\{7,15\}$/p')
    waiting=$(read_allocations "$file" || :)
    waiting=$(
        printf '%s\n' "$waiting" | while read -r id ip; do
            [ -n "$ip" ] || continue
            printf '%s\n' "$listed" | grep -q "^$id \{0,1\}$" || continue
            printf '%s\n' "$taken" | grep -q " $ip\$" || printf '%s %s\n' "$id" "$ip"
        done
    )
    entries=$(printf '%s\n%s\n' "$taken" "$waiting" | sed -n 's/^\([^ ]*\) \([0-9.]*\)$/"\1":"\2"/p' | tr '\n' ',')
    temporary=$folder/ipam/.allocations.json.tmp
    rm -f "$temporary"
    printf '%s"allocations":{%s}}\n' "$header" "${entries%,}" >"$temporary"
    read_header "$temporary" >/dev/null || return 1
    [ ! -e "$file" ] || chmod --reference="$file" "$temporary"
    { sync "$temporary" && mv -T "$temporary" "$file" && sync "$folder/ipam"; } || return 1
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
2:forwarding | 2:containers | 2:ipam | 2:backup | 3:containers | 3:backup | 4:backup) require_area "$1" ;;
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
2:backup:list) list_backup ;;
4:backup:stage) make_room "$3" "$4" ;;
4:backup:fill) fill_staged "$3" "$4" ;;
3:backup:staged)
    use_staged "$3"
    show_staged "$3"
    ;;
3:backup:check) check_backup "$3" ;;
3:backup:put) put_backup "$3" ;;
3:backup:return) return_backup "$3" ;;
3:backup:forget) forget_backup "$3" ;;
*) refuse ;;
esac
