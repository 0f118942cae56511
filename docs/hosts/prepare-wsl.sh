#!/bin/sh
# Prepares the WSL2 side of a Flatnet host for flatnet-bot. Read it, then run it as root inside the distribution:
#
#     sudo sh prepare-wsl.sh --key 'ssh-ed25519 AAAA... flatnet-bot'
#
# It checks everything first, and changes nothing where it refuses. Where a step fails, those before it are taken back.
#
# What it does, each step only where it is not done yet:
#   1. systemd at boot (/etc/wsl.conf), because sshd has to come up by itself
#   2. openssh-server, listening at one port, with keys only
#   3. the user "flatnet": no password, in the groups that may read logs, one key that opens a command and nothing else
#   4. sudoers: exactly what the bot runs as root (podman, du), each with its arguments
#   5. with --manage only: a helper of root with fixed verbs, the list of what it may do here, and sudo's rules for them
#   6. prints the host key for the bot's known_hosts file, and its fingerprint for: host add NAME --wsl-fingerprint
#
#     --key KEY       the public half of the bot's key (required, but for a host that is prepared already and --manage)
#     --port PORT     where sshd listens (2222)
#     --from ADDRESS  the only address the key is taken from. Not with NAT and a port proxy: sshd then sees Windows' address
#     --user NAME     the account (flatnet)
#     --network NAME  Flatnet's podman network (flatnet)
#     --folder PATH   Flatnet's folder (/var/lib/flatnet)
#     --manage AREAS  what the bot may change: forwarding,containers,ipam,backup or some of them; "none" takes the helper
#                     away. Without it nothing about the helper changes: a host that is only read stays one
#     --id N          the host's ID in flatnet.toml, whose bridge is 10.87.N.1/24 (required with --manage)
#     --bridge NAME   Flatnet's bridge (flatnet-br0)
#     --print-sudoers prints what steps 4 and 5 would write for sudo, and ends
#     --print-helper  prints the helper, and ends
#
# To undo it:
#     userdel --remove flatnet; rm -f /etc/sudoers.d/flatnet-bot /etc/sudoers.d/flatnet-bot-*
#     rm -rf /etc/flatnet-bot /usr/local/libexec/flatnet-bot
#     rm -f /etc/ssh/sshd_config.d/10-flatnet-bot.conf; systemctl restart ssh.service
set -eu

key='' from='' port=2222 user=flatnet network=flatnet folder=/var/lib/flatnet manage='' id='' bridge=flatnet-br0 only=
mark='# Written by prepare-wsl.sh.'
sshd=/usr/sbin/sshd drop_in=/etc/ssh/sshd_config.d/10-flatnet-bot.conf
program=/usr/local/libexec/flatnet-bot allow=/etc/flatnet-bot/allow rules=/etc/sudoers.d/flatnet-bot-manage

fail() {
    printf '%s\n' "prepare-wsl: $*" >&2
    exit 1
}

say() {
    printf '%s\n' "prepare-wsl: $*"
}

# The arguments end up in files of sshd and sudo: nothing but plain characters may come in.
fits() {
    printf '%s' "$2" | tr '\n' '?' | grep -Eqx "$1" || fail "$3 cannot be: $2"
}

sudoers() {
    cat <<END
# Written by prepare-wsl.sh: what flatnet-bot runs as root, word by word. Any other argument is refused by sudo.
$user ALL=(root) NOPASSWD: \\
    /usr/bin/podman info --format {{.Host.Security.Rootless}}, \\
    /usr/bin/podman info --format json, \\
    /usr/bin/podman network exists $network, \\
    /usr/bin/podman ps -a --filter network\\=$network --format json, \\
    /usr/bin/timeout 8 podman system df --format json, \\
    /usr/bin/timeout 8 du -0DxB1 -d1 $folder
END
}

# The number of lines and the name vary, so this one is a regular expression, which sudo knows since 1.9.10.
sudoers_logs() {
    cat <<END
# Written by prepare-wsl.sh: the logs of containers, by name.
$user ALL=(root) NOPASSWD: \\
    /usr/bin/podman ^logs --timestamps --tail [0-9]{1,6} [a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}\$
END
}

# The helper's verbs, of the areas that are allowed. It checks its arguments itself; an ID is an expression here, too.
container_verbs() {
    id='[0-9a-f]{64}' name='[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}' operation='[a-z0-9-]{1,64}'
    reference='[a-z0-9]([a-z0-9._/:-]{0,200}[a-z0-9])?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?'
    verbs="containers (show [a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}|(start|stop|restart|remove|diff|describe) $id"
    verbs="$verbs|policy $id (no|always|unless-stopped|on-failure(:[1-9][0-9]{0,5})?)|create $operation"
    verbs="$verbs|copy $operation $name $id (-|[0-9.]{7,15})|unmake $name $operation)"
    verbs="$verbs|images ((show|remove|save) $id|pull $reference sha256:$id|load $id $reference)"
    verbs="$verbs|volumes ((measure|export) $name|(import|unmake) $name $operation)"
    printf '(%s)' "$verbs"
}

term='[1-9][0-9]{0,15}'

sudoers_manage() {
    printf '%s\n' "# Written by prepare-wsl.sh: the verbs of flatnet-bot's helper, of the areas in $allow." \
        "Defaults!$program env_reset, !setenv"
    verbs=version
    for area in $(printf '%s' "$manage" | tr ',' ' '); do
        case $area in
        forwarding) verbs="$verbs,forwarding status,forwarding apply,network show,network create,network remove" ;;
        containers) verbs="$verbs,containers list,images list,images storage,volumes list" ;;
        ipam) verbs="$verbs,ipam list,ipam look,ipam clean" ;;
        backup) verbs="$verbs,backup write,backup size,backup list" ;;
        esac
    done
    printf '%s\n' "$user ALL=(root) NOPASSWD: $program $(printf '%s' "$verbs" | sed "s|,|, $program |g")"
    for area in $(printf '%s' "$manage" | tr ',' ' '); do
        case $expressions:$area in
        yes:containers) expression=$(container_verbs) ;;
        yes:backup)
            expression='backup (read (0|[1-9][0-9]{0,11})|(stage|fill) [0-9a-f]{64} (0|[1-9][0-9]{0,11})'
            expression="$expression|(staged|check|put|return|forget) [0-9a-f]{64})"
            ;;
        *) continue ;;
        esac
        printf '%s\n' "$user ALL=(root) NOPASSWD: $program ^(term $term )?$expression\$"
    done
    term_rules
}

# The same verbs behind a term, those that change something. Without expressions, each number of digits is a pattern of its
# own, because "*" would take further words, too.
term_rules() {
    changing=keep
    for area in $(printf '%s' "$manage" | tr ',' ' '); do
        case $area in
        forwarding) changing="$changing,forwarding apply,network create,network remove" ;;
        ipam) changing="$changing,ipam clean" ;;
        esac
    done
    if [ "$expressions" = yes ]; then
        others=$(printf '%s' "${changing#keep}" | sed 's/^,//; s/,/|/g')
        printf '%s\n' "$user ALL=(root) NOPASSWD: $program ^term (keep $term${others:+|$term ($others)})\$"
        return
    fi
    digits='[1-9]'
    while [ ${#digits} -le 80 ]; do
        lines=$(printf '%s' "$changing" | tr ',' '\n' | sed "s|^keep\$|keep DIGITS|; t; s|^|DIGITS |")
        printf '%s\n' "$lines" | sed "s|DIGITS|$digits|; s|^|$user ALL=(root) NOPASSWD: $program term |"
        digits="${digits}[0-9]"
    done
}

allow_list() {
    cat <<END
# Written by prepare-wsl.sh: what the helper $program may do here.
areas $(printf '%s' "$manage" | tr ',' ' ')
bridge $bridge
address 10.87.$id.1/24
network $network
folder $folder
END
}

# The helper, the same text as docs/hosts/flatnet-bot-helper.sh.
helper() {
    cat <<'END_OF_HELPER'
#!/bin/sh
# What flatnet-bot may change as root in WSL2. prepare-wsl.sh --manage installs it as /usr/local/libexec/flatnet-bot, and
# /etc/flatnet-bot/allow beside it, which names the areas that are allowed and what they are about.
#
#     version                            this version, and the allowed areas
#     forwarding status                  the bridge, its address, and IP forwarding now and at boot
#     forwarding apply                   sets them up where they are missing
#     network show                       podman's network of Flatnet: whether it is there, and whether this helper made it
#     network create                     makes it where there is none
#     network remove                     removes it, if this helper made it and no container is on it
#     containers list                    Flatnet's containers, running or not, one JSON object a line
#     containers show KEY                one of them by its ID or name; nothing if there is none
#     containers start|stop|restart ID   one of them, by its 64 digits
#     containers remove ID               one that does not run; volumes stay
#     containers policy ID POLICY        when podman starts it again: no, always, unless-stopped, on-failure[:TIMES]
#     containers diff ID                 how many files differ from its image
#     containers create OPERATION        makes one from a description on standard input, and marks it; it does not start it
#     containers describe ID             a description on standard output, with the values of its variables
#     containers copy OPERATION NAME IMAGE ADDRESS|-
#                                        as create, with another name, image and address than the description has
#     containers unmake NAME OPERATION   removes the one that this operation made
#     images list | storage              all images; free space and machine
#     images show ID | remove ID         whether it is there; removes it if no container uses it
#     images pull NAME DIGEST            from its registry
#     images save ID | load ID NAME      an archive on standard output; from standard input
#     volumes list | measure NAME        all volumes; files of one and a hash of them
#     volumes export NAME                its files on standard output
#     volumes import NAME OPERATION      makes one from standard input, and marks it
#     volumes unmake NAME OPERATION      removes the one that this operation imported
#     ipam list                          the addresses that Flatnet's plug-in has handed out, as its JSON file
#     ipam look                          which of them belong to no container, and the time
#     ipam clean                         takes back those of standard input that still belong to no container
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
#     term N VERB...                     a verb, unless a later lead of the bot, with a term above N, has been here
#     term keep N                        keeps N as the highest term
#
# A description is lines of a word and its values, of which `grammar` below knows all. Texts are upper-case hex. It has no
# word for a mount of the host, a capability, a device, another network or namespace, or a privilege. Volumes must lie in
# podman's own storage, and belong to no container but Flatnet's. The last line is "end": half of one makes no container.
# What streams writes a line to standard error every few seconds, "." while it works and "-" while it waits, and at the end a
# JSON object with the number of bytes and their SHA-256. Without that it has failed.
#
# Each lead of the bot has a number, its term, where several copies of it run. The highest is kept in the store.
# Only a tar that this helper made itself is put back: it keeps the SHA-256 of each one, where root alone can write.
# It takes no other argument, no path and nothing from the environment (sudo clears that).
# Exit codes: 2 no such verb or argument, 3 the area is not allowed, 4 others than root can change this file or the allow
# list, 5 the allow list or the kept term is broken, 6 the verb failed, 7 a higher term is kept and nothing was done; podman's
# own are passed on.
set -euf
unset IFS
umask 022
cd /
PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL

version=5
self=/usr/local/libexec/flatnet-bot
allow=/etc/flatnet-bot/allow
boot=/etc/sysctl.d/zz-flatnet-bot.conf # after every file with a number, of which the last one wins
store=/var/lib/flatnet-bot             # what is put back, what that replaced, and which tars are this host's own
known=$store/known
newline='
'
work='' spool='' beats='' # a folder in memory, one on the disk, and the process that says that it works

clean_up() {
    [ -z "$beats" ] || kill "$beats" 2>/dev/null || :
    [ -z "$work" ] || rm -rf "$work"
    [ -z "$spool" ] || rm -rf "$spool"
}
trap clean_up EXIT
trap 'exit 6' HUP INT TERM PIPE

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

# what several areas share

tell() {
    if "$@"; then
        echo true
    else
        echo false
    fi
}

hash_file() {
    sha256sum "$1" | cut -d' ' -f1
}

make_store() {
    mkdir -m 0700 "$store" 2>/dev/null || [ -d "$store" ] || fail 6 "$store cannot be made"
    require_root_path "$store" directory
}

# One call at a time: a second one would unpack anew what the first is putting in place, after an answer that was lost.
open_store() {
    make_store
    exec 8<"$store"
    flock -w 15 8 || fail 6 "another call is at work in $store. Try again"
}

# the term of the bot's lead

# A request of an earlier lead may have waited in a machine that hung. It does nothing any more.
keep_term() {
    fits '[1-9][0-9]{0,15}' "$1" || refuse
    make_store
    (
        umask 077
        exec 9>>"$store/term.lock"
        flock -w 5 9 || fail 6 "another call keeps the term in $store. Try again"
        read_term
        [ "$kept" -le "$1" ] || fail 7 "term $kept is kept here, and this is of term $1"
        [ "$kept" -eq "$1" ] || put_term "$1"
    )
}

# An empty file is no term: as none, it would let in what another lead sent long ago.
read_term() {
    kept=0
    [ -e "$store/term" ] || [ -L "$store/term" ] || return 0
    require_root "$store/term" 'regular file'
    kept=$(head -c 32 "$store/term")
    fits '[1-9][0-9]{0,15}' "$kept" ||
        fail 5 "$store/term has no term in it. Stop all copies of the bot but one, then run as root: rm $store/term"
}

# On the disk before it is in place: a power cut leaves the one or the other.
put_term() {
    printf '%s\n' "$1" >"$store/term.new"
    sync "$store/term.new"
    mv -T "$store/term.new" "$store/term"
    sync "$store"
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

# what containers, images and volumes share

hex='(0[1-9A-F]|[1-9A-F][0-9A-F])+'                                           # any text but an empty one, without NUL
line_hex='(0[1-9BCEF]|[1-9A-F][0-9A-F])+'                                     # and without line breaks
plain='[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}'                                       # a name
digits='(0|[1-9][0-9]{0,18})'                                                 # a number
path_hex='2F(2[0-9A-F]|3[0-9B-F]|[4-6][0-9A-F]|7[0-9A-E]|[89A-F][0-9A-F])*' # /…, without ":" and control characters
ipv4='[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}'
policy='(no|always|unless-stopped|on-failure(:[1-9][0-9]{0,5})?)'
variable='[A-Za-z_][A-Za-z0-9_.-]{0,127}'
reference='[a-z0-9]([a-z0-9._/:-]{0,200}[a-z0-9])?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?'

# Every line that a description may have.
grammar="end|name $plain|image [0-9a-f]{64}|address $ipv4|restart $policy"
grammar="$grammar|port (-|$ipv4|[0-9a-fA-F:]{2,39}) [1-9][0-9]{0,4} [1-9][0-9]{0,4} (tcp|udp|sctp)"
grammar="$grammar|(volume|volume-ro) $plain $path_hex|anonymous $path_hex"
grammar="$grammar|variable $variable (-|$line_hex)|argument (-|$hex)|entrypoint (-|(0[1-9A-F]|[1-46-9A-F][0-9A-F]|5[0-9AC-F])($hex)?)"
grammar="$grammar|label (2[0-9A-F]|3[0-9A-CEF]|[4-6][0-9A-F]|7[0-9A-E])+ (-|$hex)"
grammar="$grammar|user $line_hex|workdir $path_hex|hostname $plain|tty|interactive|init|read-only"
grammar="$grammar|(memory|memory-swap|shm-size|cpu-shares|cpu-period|cpu-quota|pids|stop-timeout) -?$digits"
grammar="$grammar|stop-signal [A-Z0-9+-]{1,12}|ulimit [a-z]{1,12} -?$digits -?$digits"
grammar="$grammar|health $hex|(health-interval|health-timeout|health-start|health-retries) $digits"

check_id() {
    fits '[0-9a-f]{64}' "$1" || refuse
}

check_key() {
    fits '[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}' "$1" || refuse
}

check_name() {
    fits "$plain" "$1" || refuse
}

check_operation() {
    fits '[a-z0-9-]{1,64}' "$1" || refuse
}

check_reference() {
    fits "$reference" "$1" || refuse
}

# What a call left that was killed goes after an hour.
make_work() {
    [ -z "$work" ] || return 0
    find /run -maxdepth 1 -name 'flatnet-bot.*' -user root -mmin +60 -exec rm -rf {} +
    work=$(mktemp -d /run/flatnet-bot.XXXXXX)
}

# podman within so many seconds. Its exit codes 2 to 5 and 7 would mean something else here.
ask_podman() {
    limit=$1
    shift
    timeout --kill-after=5 "$limit" podman "$@" || {
        code=$?
        case $code in
        124 | 137) fail 6 "podman did not answer within $limit s" ;;
        [2-57]) exit 6 ;;
        *) exit "$code" ;;
        esac
    }
}

start_beats() {
    while sleep 5 2>/dev/null; do echo . >&2; done </dev/null >/dev/null &
    beats=$!
}

stop_beats() {
    [ -z "$beats" ] || kill "$beats" 2>/dev/null || :
    beats=''
}

# The last line of a stream: how much it was.
print_count() {
    stop_beats
    printf '{"size":%s,"sha256":"%s"}\n' "$1" "$2" >&2
}

# Flatnet's network. Nothing of it comes in: its name, its bridge and its subnet are those of the allow list.

record=$store/network # SHA-256 and path of the configuration that create made

# podman 3 knows nothing but CNI, and has no word for it.
find_backend() {
    case $(podman --version) in
    'podman version 3.'*)
        echo cni
        return
        ;;
    esac
    said=$(ask_podman 10 info --format '{{.Host.NetworkBackend}}')
    fits 'cni|netavark' "$said" || fail 6 "podman has a network backend that is not known here"
    echo "$said"
}

# Files of CNI that name the network, whatever their white space.
list_conflists() {
    set +f
    for file in /etc/cni/net.d/*.conflist /etc/cni/net.d/*.conf; do
        if [ -f "$file" ] && tr -d '[:space:]' <"$file" | grep -Fq "\"name\":\"$network\""; then
            fits '[a-zA-Z0-9_./-]*' "$file" || fail 6 "the name of a file in /etc/cni/net.d is not plain"
            printf '%s\n' "$file"
        fi
    done
    set -f
}

# "absent", "ready", or "other": one of this name that has not the subnet of this host.
look_at_network() {
    subnet=${address%.1/24}.0/24 state=other
    backend=$(find_backend)
    case $backend in
    cni) look_at_conflist ;;
    *) look_at_podman ;;
    esac
    case " $subnets " in
    *" $subnet "*) [ "$state" = absent ] || state=ready ;;
    esac
    ids=$(list_ids)
    used=$(printf '%s' "$ids" | grep -c . || :)
}

look_at_conflist() {
    place=$(list_conflists)
    plugin=$(tell [ -x /opt/cni/bin/flatnet ])
    subnets=''
    case $place in
    '') place=/etc/cni/net.d/10-$network.conflist state=absent ;;
    *"$newline"*) fail 6 "several files in /etc/cni/net.d name the network $network. Remove all but one" ;;
    *) subnets=$(tr -d '[:space:]' <"$place" | grep -o '"subnet":"[^"]*"' | cut -d'"' -f4 | tr '\n' ' ' || :) ;;
    esac
}

look_at_podman() {
    place=/etc/containers/networks/$network.json plugin=true subnets='' code=0
    timeout --kill-after=5 10 podman network exists "$network" || code=$?
    case $code in
    0) subnets=$(ask_podman 10 network inspect --format '{{range .Subnets}}{{.Subnet}} {{end}}' "$network") ;;
    1) state=absent ;;
    *) fail 6 "podman did not say whether it has the network $network" ;;
    esac
}

is_own_network() {
    [ -f "$record" ] && [ -f "$place" ] && grep -Fqx "$(hash_file "$place") $place" "$record"
}

show_network() {
    [ ! -d "$store" ] || require_root_path "$store" directory
    look_at_network
    printf '{"backend":"%s","network":"%s","subnet":"%s","state":"%s","file":"%s","own":%s,"plugin":%s,"containers":%s}\n' \
        "$backend" "$network" "$subnet" "$state" "$place" "$(tell is_own_network)" "$plugin" "$used"
}

create_network() {
    open_store
    look_at_network
    case $state in
    other) fail 6 "the network $network is there and is not $subnet. Fix it first: podman network inspect $network" ;;
    absent)
        [ "$plugin" = true ] || fail 6 "Flatnet's plug-in is not there: /opt/cni/bin/flatnet. Install it first"
        case $backend in
        cni) write_conflist ;;
        *) make_podman_network ;;
        esac
        ;;
    esac
    show_network
}

note_made() {
    printf '%s %s\n' "$1" "$place" >"$record.new"
    sync "$record.new"
    mv -T "$record.new" "$record"
}

# Its hash is noted first: what a power cut leaves is known as this helper's own.
write_conflist() {
    [ -d "${place%/*}" ] || mkdir -p "${place%/*}"
    require_root_path "${place%/*}" directory
    id=${address#10.87.} gateway=${address%/24}
    id=${id%%.*}
    cat >"$place.flatnet-bot" <<END
{
  "cniVersion": "1.0.0",
  "name": "$network",
  "plugins": [
    {
      "type": "flatnet",
      "bridge": "$bridge",
      "hostId": $id,
      "registryEndpoints": ["http://10.100.$id.1:8080/api/containers"],
      "registryEnabled": true,
      "ipam": {
        "type": "flatnet-ipam",
        "hostId": $id,
        "subnet": "$subnet",
        "gateway": "$gateway"
      }
    }
  ]
}
END
    chmod 0644 "$place.flatnet-bot"
    note_made "$(hash_file "$place.flatnet-bot")"
    sync "$place.flatnet-bot"
    mv -T "$place.flatnet-bot" "$place"
    sync "${place%/*}"
}

# podman takes no subnet that an interface has, and makes the bridge when the first container starts.
make_podman_network() {
    drop_idle_bridge
    ask_podman 20 network create --driver bridge --subnet "$subnet" --gateway "${address%/24}" --interface-name "$bridge" \
        "$network" >/dev/null
    note_made "$(hash_file "$place")"
}

# A bridge that has this host's address alone, and that nothing is plugged into.
drop_idle_bridge() {
    case $(read_link) in
    absent | other) return ;;
    esac
    if [ "$(list_addresses)" = "$address" ] && [ -z "$(ip -o link show master "$bridge")" ]; then
        ip link del dev "$bridge"
    fi
}

remove_network() {
    open_store
    look_at_network
    if [ "$state" != absent ]; then
        is_own_network || fail 6 "this helper did not make the network $network as it is now, so it stays"
        [ "$used" -eq 0 ] || fail 6 "$used containers are on the network $network, so it stays"
        case $backend in
        cni) rm -f "$place" ;;
        *) ask_podman 20 network rm "$network" >/dev/null ;;
        esac
        drop_idle_bridge
    fi
    rm -f "$record"
    show_network
}

# containers

# Lines of ID and name.
list_ids() {
    ask_podman 10 ps -a --no-trunc --filter "network=$network" --format '{{.ID}} {{.Names}}'
}

# podman's template for one container: a line of JSON, which ends within its obstacles, and the lines of its description with
# the ID before each. What a container's maker chose is JSON, quoted (%q) or hex (%X): it can neither end nor begin a line.
build_template() {
    health='.State.Health' digest='{{json .ImageDigest}}'
    case $(podman --version) in
    'podman version 3.'*) health='.State.Healthcheck' digest='""' ;;
    esac
    sed "s/NETWORK/$network/g; s/HEALTH/$health/; s/DIGEST/$digest/" <<'END'
{{- $r := .}}{{$id := .ID}}{{$net := index .NetworkSettings.Networks "NETWORK"}}{{$c := ""}}
{{- ""}}{"id":{{json .ID}},"name":{{json .Name}},"image":{{json .ImageName}},"image_id":{{json .Image}},"image_digest":DIGEST
{{- ""}},"state":{{json .State.Status}},"exit_code":{{json .State.ExitCode}},"started_at":{{json .State.StartedAt}}
{{- ""}},"finished_at":{{json .State.FinishedAt}},"restarts":{{json .RestartCount}}
{{- ""}},"health":"{{with HEALTH}}{{if eq .Status "starting" "healthy" "unhealthy"}}{{.Status}}{{end}}{{end}}"
{{- ""}},"address":{{json $net.IPAddress}},"memory":{{.HostConfig.Memory}},"auto_remove":{{.HostConfig.AutoRemove}}
{{- ""}},"restart_policy":"{{with .HostConfig.RestartPolicy}}{{if .Name}}{{.Name}}{{else}}no{{end}}
{{- if and (eq .Name "on-failure") .MaximumRetryCount}}:{{.MaximumRetryCount}}{{end}}{{end}}","pinned_address":
{{- $pinned := false}}{{$limited := false}}{{range .Config.CreateCommand}}{{$w := index (split . "=") 0}}
{{- if or (eq $w "--ip") (gt (len (split . ":ip=")) 1)}}{{$pinned = true}}{{else if eq $w "--ulimit"}}{{$limited = true}}{{end}}
{{- end}}{{$pinned}},"ports":[
{{- range $port, $bindings := .HostConfig.PortBindings}}{{$p := split $port "/"}}{{range $bindings}}{{$c}}{"host_ip":
{{- if eq .HostIP "0.0.0.0"}}""{{else}}{{json .HostIP}}{{end}},"host_port":{{.HostPort}}
{{- ""}},"container_port":{{index $p 0}},"protocol":{{json (index $p 1)}}}{{$c = ","}}{{end}}{{end}}],"volumes":[{{$c = ""}}
{{- range .Mounts}}{{if eq .Type "volume"}}{{$c}}{"name":{{json .Name}},"path":{{json .Destination}},"anonymous":
{{- eq (len .Name) 64}}}{{$c = ","}}{{end}}{{end}}],"variables":[{{$c = ""}}
{{- range .Config.Env}}{{$n := index (split . "=") 0}}{{if not (eq $n "container" "HOSTNAME")}}{{$c}}{{json $n}}{{$c = ","}}
{{- end}}{{end}}],"obstacles":[{{$c = ""}}
{{- if .HostConfig.Privileged}}{{$c}}"privileged"{{$c = ","}}{{end}}
{{- if .Pod}}{{$c}}"pod"{{$c = ","}}{{end}}
{{- if .HostConfig.AutoRemove}}{{$c}}"removed when it ends"{{$c = ","}}{{end}}
{{- if index .Config.Labels "PODMAN_SYSTEMD_UNIT"}}{{$c}}"systemd unit"{{$c = ","}}{{end}}
{{- range .Mounts}}{{if ne .Type "volume"}}{{$c}}{{json (printf "%s mount %s" .Type .Destination)}}{{$c = ","}}
{{- else if ne .Driver "local"}}{{$c}}{{json (printf "volume driver %s" .Driver)}}{{$c = ","}}
{{- else}}{{$m := .}}{{range .Options}}{{if not (eq . "nosuid" "nodev" "rbind" "rprivate" "rw" "ro")}}
{{- $c}}{{json (printf "mount option %s of %s" . $m.Destination)}}{{$c = ","}}{{end}}{{end}}{{end}}{{end}}
{{- range $path, $o := .HostConfig.Tmpfs}}{{$c}}{{json (printf "tmpfs mount %s" $path)}}{{$c = ","}}{{end}}
{{- range .HostConfig.CapAdd}}{{$c}}{{json (printf "capability %s" .)}}{{$c = ","}}{{end}}
{{- range .HostConfig.CapDrop}}{{$c}}{{json (printf "dropped capability %s" .)}}{{$c = ","}}{{end}}
{{- range .HostConfig.SecurityOpt}}{{$c}}{{json (printf "security option %s" .)}}{{$c = ","}}{{end}}
{{- range .HostConfig.Devices}}{{$c}}{{json (printf "device %s" .PathOnHost)}}{{$c = ","}}{{end}}
{{- range $name, $n := .NetworkSettings.Networks}}{{if ne $name "NETWORK"}}{{$c}}{{json (printf "network %s" $name)}}{{$c = ","}}
{{- end}}{{end}}{{range $net.Aliases}}{{if not (eq . (slice $id 0 12) $r.Config.Hostname $r.Name)}}
{{- $c}}{{json (printf "network alias %s" .)}}{{$c = ","}}{{end}}{{end}}
{{- with .HostConfig}}
{{- if not (eq .IpcMode "" "shareable" "private")}}{{$c}}{{json (printf "IPC namespace %s" .IpcMode)}}{{$c = ","}}{{end}}
{{- if not (eq .PidMode "" "private")}}{{$c}}{{json (printf "PID namespace %s" .PidMode)}}{{$c = ","}}{{end}}
{{- if not (eq .UTSMode "" "private")}}{{$c}}{{json (printf "UTS namespace %s" .UTSMode)}}{{$c = ","}}{{end}}
{{- if .UsernsMode}}{{$c}}{{json (printf "user namespace %s" .UsernsMode)}}{{$c = ","}}{{end}}
{{- if not (eq .Cgroups "" "default" "enabled")}}{{$c}}{{json (printf "cgroups %s" .Cgroups)}}{{$c = ","}}{{end}}
{{- if or .Dns .DnsOptions .DnsSearch}}{{$c}}"DNS settings"{{$c = ","}}{{end}}
{{- if .ExtraHosts}}{{$c}}"additional hosts"{{$c = ","}}{{end}}
{{- if .GroupAdd}}{{$c}}"additional groups"{{$c = ","}}{{end}}
{{- if or .VolumesFrom .Links}}{{$c}}"another container"{{$c = ","}}{{end}}
{{- if or .BlkioWeight .BlkioWeightDevice .BlkioDeviceReadBps .BlkioDeviceWriteBps .BlkioDeviceReadIOps .BlkioDeviceWriteIOps
    .CpuRealtimePeriod .CpuRealtimeRuntime .CpusetCpus .CpusetMems .MemoryReservation .OomKillDisable .OomScoreAdj .CgroupConf
    (gt .MemorySwappiness 0)}}{{$c}}"other limits"{{$c = ","}}{{end}}{{end}}
{{- if .Dependencies}}{{$c}}"another container"{{$c = ","}}{{end}}
{{- range .Config.Secrets}}{{$c}}{{json (printf "podman secret %s" .Name)}}{{$c = ","}}{{end}}
{{- if not (eq .Config.Umask "" "0022")}}{{$c}}"umask"{{$c = ","}}{{end}}
{{- if .Config.Timeout}}{{$c}}"time limit"{{$c = ","}}{{end}}
{{- if .Config.Timezone}}{{$c}}"time zone"{{$c = ","}}{{end}}
{{- range .Config.CreateCommand}}{{$w := index (split . "=") 0}}{{if eq $w "--secret" "--rootfs" "--device" "--gpus" "--sdnotify" "--hostuser"
    "--health-on-failure" "--health-startup-cmd" "--chrootdirs" "--passwd-entry" "--group-entry" "--hosts-file" "--no-hosts"
    "--device-cgroup-rule" "--mac-address" "--ip6" "--annotation" "--personality" "--requires" "--init-ctr" "--init-path"
    "--no-hostname" "--cgroup-parent" "--image-volume" "--seccomp-policy" "--log-opt" "--http-proxy" "--read-only-tmpfs"}}
{{- $c}}{{json (printf "option %s" $w)}}{{$c = ","}}{{end}}{{end}}
{{$id}} name {{printf "%q" .Name}}
{{$id}} image {{.Image}}
{{$id}} restart {{with .HostConfig.RestartPolicy}}{{if .Name}}{{.Name}}{{else}}no{{end}}
{{- if and (eq .Name "on-failure") .MaximumRetryCount}}:{{.MaximumRetryCount}}{{end}}{{end}}
{{- range $port, $bindings := .HostConfig.PortBindings}}{{$p := split $port "/"}}{{range $bindings}}
{{$id}} port {{if eq .HostIP "" "0.0.0.0"}}-{{else}}{{printf "%q" .HostIP}}{{end}} {{.HostPort}} {{index $p 0}} {{index $p 1}}
{{- end}}{{end}}
{{- range .Mounts}}{{if eq .Type "volume"}}
{{$id}} {{if eq (len .Name) 64}}anonymous{{else}}volume{{if not .RW}}-ro{{end}} {{printf "%q" .Name}}{{end}} {{printf "%X" .Destination}}
{{- end}}{{end}}
{{- range .Config.Env}}{{$n := index (split . "=") 0}}
{{- if not (eq . "container=podman" (printf "HOSTNAME=%s" $r.Config.Hostname))}}
{{$id}} variable {{printf "%q" $n}} {{printf "%X" (slice . (len $n))}}
{{- end}}{{end}}
{{- range $name, $value := .Config.Labels}}{{if ne $name "flatnet-bot.operation"}}
{{$id}} label {{printf "%X" $name}} {{printf "%X" $value}}
{{- end}}{{end}}
{{- if and .HostConfig.Init (gt (len .Args) 1)}}
{{$id}} init
{{$id}} entrypoint {{printf "%X" (index .Args 1)}}
{{- range $i, $word := slice .Args 2}}
{{$id}} argument {{printf "%05d" $i}} {{printf "%X" $word}}
{{- end}}{{else}}
{{$id}} entrypoint {{printf "%X" .Path}}
{{- range $i, $word := .Args}}
{{$id}} argument {{printf "%05d" $i}} {{printf "%X" $word}}
{{- end}}{{end}}
{{$id}} workdir {{printf "%X" .Config.WorkingDir}}
{{$id}} stop-timeout {{.Config.StopTimeout}}
{{$id}} stop-signal {{printf "%v" .Config.StopSignal}}
{{- if .Config.User}}
{{$id}} user {{printf "%X" .Config.User}}
{{- end}}{{if ne .Config.Hostname (slice $id 0 12)}}
{{$id}} hostname {{printf "%q" .Config.Hostname}}
{{- end}}{{if .Config.Tty}}
{{$id}} tty
{{- end}}{{if .Config.OpenStdin}}
{{$id}} interactive
{{- end}}{{with .HostConfig}}{{if .ReadonlyRootfs}}
{{$id}} read-only
{{- end}}{{if .Memory}}
{{$id}} memory {{.Memory}}
{{- end}}{{if .MemorySwap}}
{{$id}} memory-swap {{.MemorySwap}}
{{- end}}{{if ne .ShmSize 65536000}}
{{$id}} shm-size {{.ShmSize}}
{{- end}}{{if .CpuShares}}
{{$id}} cpu-shares {{.CpuShares}}
{{- end}}{{if .CpuPeriod}}
{{$id}} cpu-period {{.CpuPeriod}}
{{- end}}{{if .CpuQuota}}
{{$id}} cpu-quota {{.CpuQuota}}
{{- end}}{{if .PidsLimit}}
{{$id}} pids {{.PidsLimit}}
{{- end}}{{if $limited}}{{range .Ulimits}}
{{$id}} ulimit {{lower .Name}} {{.Soft}} {{.Hard}}
{{- end}}{{end}}{{end}}{{with .Config.Healthcheck}}
{{$id}} health {{printf "%X" (json .Test)}}
{{$id}} health-interval {{printf "%d" .Interval}}
{{$id}} health-timeout {{printf "%d" .Timeout}}
{{$id}} health-start {{printf "%d" .StartPeriod}}
{{$id}} health-retries {{.Retries}}
{{- end}}
END
}

# Asks podman about the containers whose IDs come in. $work/seen has their JSON, $work/lines their descriptions with the ID
# before each line, $work/bad those of these lines that no description may have.
inspect_ids() {
    make_work
    xargs -r timeout --kill-after=5 30 podman inspect --type container --format "$(build_template)" >"$work/inspected" ||
        return 1
    sed -n '/^{/p' "$work/inspected" | sort >"$work/seen" || return 1
    sed -n '/^[0-9a-f]\{64\} /{ s/"\([A-Za-z0-9_.:-]*\)"/\1/g; s/\( variable [^ ]*\) 3D/\1 /; s/ $/ -/; s/ rlimit_/ /
        s/ stop-signal 15$/ stop-signal SIGTERM/; s/ stop-signal 3$/ stop-signal SIGQUIT/; s/ stop-signal 2$/ stop-signal SIGINT/
        s/ stop-signal 9$/ stop-signal SIGKILL/; s/ stop-signal 28$/ stop-signal SIGWINCH/; p; }' \
        "$work/inspected" | sort | sed 's/^\([0-9a-f]* argument\) [0-9]*/\1/' >"$work/lines" || return 1
    grep -aEvx "[0-9a-f]{64} ($grammar)" "$work/lines" >"$work/bad" || :
}

# A key of this host alone: who has a hash of settings cannot try values of variables.
read_key() {
    if [ ! -f "$store/settings-key" ]; then
        make_store
        new=$(mktemp "$store/settings-key.XXXXXX")
        head -c 32 /dev/urandom | basenc --base16 --wrap=0 >"$new"
        ln "$new" "$store/settings-key" 2>/dev/null || : # another call was first
        rm -f "$new"
    fi
    require_root_path "$store/settings-key" 'regular file'
    cat "$store/settings-key"
}

# Lines of hash and ID, of the descriptions in $work/lines.
hash_settings() {
    key=$(read_key)
    rm -rf "$work/settings"
    mkdir "$work/settings"
    previous=''
    while read -r id line; do
        if [ "$id" != "$previous" ]; then
            printf '%s\n' "$key" >"$work/settings/$id"
            previous=$id
        fi
        printf '%s\n' "$line" >>"$work/settings/$id"
    done <"$work/lines"
    cd "$work/settings"
    cut -d'"' -f4 "$work/seen" | while read -r id; do printf '%s\n' "$key" >>"$id"; done
    cut -d'"' -f4 "$work/seen" | xargs -r sha256sum --
    cd /
}

# What is not in the grammar, by its word and a plain name: "variable PASSWORD".
name_bad() {
    sed -n "s/^$1 //p" "$work/bad" | sed -E 's/^((variable|volume) [A-Za-z0-9_.-]{1,128}|[a-z-]{1,20}).*/\1/; s/[^A-Za-z0-9_. -]//g' |
        sort -u | while read -r what; do printf ',"%s"' "$what"; done
}

# The JSON of those in $work/seen, with their settings' hash if nothing stands against a description.
print_seen() {
    [ -s "$work/seen" ] || return 0
    hash_settings >"$work/hashes"
    paste -d ' ' "$work/hashes" "$work/seen" | while read -r hash id line; do
        more=''
        if [ -s "$work/bad" ]; then
            more=$(name_bad "$id")
        fi
        case $line in
        *'"obstacles":[') more=${more#,} ;;
        *) more="$more " ;;
        esac
        [ -z "$more" ] || hash=''
        printf '%s%s],"settings":"%s"}\n' "$line" "${more% }" "$hash"
    done
}

# One that is removed between the two questions makes the second fail, so both are asked again.
list_containers() {
    make_work
    list_ids >"$work/ids"
    if ! cut -d ' ' -f1 "$work/ids" | inspect_ids 2>/dev/null; then
        list_ids >"$work/ids"
        cut -d ' ' -f1 "$work/ids" | inspect_ids || fail 6 "podman could not tell about its containers"
    fi
    print_seen
}

# Nothing if it is gone.
show_id() {
    if printf '%s\n' "$1" | inspect_ids 2>/dev/null; then
        print_seen
    elif timeout 10 podman container exists "$1"; then
        fail 6 "podman could not tell about this container"
    fi
}

# The ID of Flatnet's container with this ID, or else with this name; "" if there is none.
find_id() {
    found=''
    while read -r id name; do
        if [ "$id" = "$1" ]; then
            found=$id
            break
        fi
        [ "$name" != "$1" ] || found=$id
    done <"$work/ids"
    printf '%s' "$found"
}

show_container() {
    check_key "$1"
    make_work
    list_ids >"$work/ids"
    id=$(find_id "$1")
    [ -z "$id" ] || show_id "$id"
}

# One of Flatnet's; no verb touches others.
require_own() {
    check_id "$1"
    make_work
    list_ids >"$work/ids"
    cut -d ' ' -f1 "$work/ids" | grep -Fqx "$1" || fail 6 "no container of the network $network has this ID"
}

move_container() {
    require_own "$2"
    case $1 in
    start) ask_podman 60 start "$2" >/dev/null ;;
    stop) ask_podman 60 stop --time 30 "$2" >/dev/null ;;
    restart) ask_podman 60 restart --time 30 "$2" >/dev/null ;;
    esac
    show_id "$2"
}

remove_container() {
    check_id "$1"
    timeout 10 podman container exists "$1" || return 0
    require_own "$1"
    case $(ask_podman 10 inspect --type container --format '{{.State.Status}}' "$1") in
    created | configured | initialized | exited | dead | stopped) ask_podman 60 rm "$1" >/dev/null ;;
    *) fail 6 "it runs. Stop it first" ;;
    esac
}

set_policy() {
    fits "$policy" "$2" || refuse
    require_own "$1"
    show_id "$1" >"$work/shown"
    if ! grep -Fq "\"restart_policy\":\"$2\"" "$work/shown"; then
        asked=$(ask_podman 10 update --help | grep -c -e '--restart ' || :)
        [ "$asked" -gt 0 ] || fail 6 "$(podman --version) cannot change when a container is started again. 5.1 can"
        ask_podman 60 update "--restart=$2" "$1" >/dev/null
        show_id "$1" >"$work/shown"
    fi
    cat "$work/shown"
}

# Folders above another change, mounts, and what podman itself puts into a container are no changes of its programs.
count_changes() {
    require_own "$1"
    make_work
    ask_podman 60 diff "$1" >"$work/diff"
    cut -c3- "$work/diff" >"$work/changes"
    ask_podman 30 inspect --type container --format '{{range .Mounts}}{{println .Destination}}{{end}}' "$1" >"$work/mounts"
    printf '%s\n' /dev/x /etc/hostname /etc/hosts /etc/resolv.conf /etc/mtab /proc/x /run/.containerenv /sys/x >>"$work/mounts"
    sed -n ':up; s|/[^/]*$||; /./{ p; b up; }' "$work/changes" "$work/mounts" >"$work/above"
    printf '{"files":%s}\n' "$(grep -Fvxc -f "$work/mounts" -f "$work/above" "$work/changes" || :)"
}

# descriptions

# Sets `text` to what the digits stand for.
decode() {
    text=''
    [ "$1" != - ] || return 0
    text=$(printf '%s' "$1" | basenc --base16 --decode && printf .)
    text=${text%.}
}

# A description from standard input, checked line by line.
read_description() {
    make_work
    head -c 1000001 >"$work/given"
    [ "$(stat --format=%s "$work/given")" -le 1000000 ] || fail 6 "the description has more than 1 MB"
    [ "$(tail -c 5 "$work/given" | tr '\n\0' '.x')" = .end. ] || fail 6 "the description does not end"
    wrong=$(grep -aEvx "$grammar" "$work/given" | sed -E 's/^([a-z-]{1,20}).*/\1/; s/[^a-z-]//g' | head -n 1)
    [ -z "$wrong" ] || fail 6 "a description cannot have this: $wrong"
    ! grep -aEvqx "$grammar" "$work/given" || fail 6 "this is no description"
    twice=$(cut -d ' ' -f1 "$work/given" | grep -Evx 'port|volume|volume-ro|anonymous|variable|argument|label|ulimit' | sort | uniq -d)
    [ -z "$twice" ] || fail 6 "the description has more than one line of: $(printf '%s' "$twice" | tr '\n' ' ')"
}

check_place() {
    decode "$1"
    case $text/ in
    / | // | *//*/ | */./* | */../* | /proc/* | /sys/* | /dev/*) fail 6 "no volume can be mounted at $text" ;;
    esac
}

# Volumes whose files lie in podman's storage, and that are Flatnet's alone.
check_volume() {
    check_place "$2"
    timeout 10 podman volume exists "$1" || return 0
    find_volume "$1"
    refuse_shared "$1"
}

# Files of other services on this host are none of the bot's business.
refuse_shared() {
    list_ids >"$work/ids"
    cut -d ' ' -f1 "$work/ids" >"$work/own"
    others=$(ask_podman 10 ps -a --no-trunc --filter "volume=$1" --format '{{.ID}}' | grep -Fvx -f "$work/own" || :)
    [ -z "$others" ] || fail 6 "a container that is not on the network $network uses the volume $1"
}

check_address() {
    if [ "${1%.*}" != "${address%.*}" ] || ! fits '([2-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-4])' "${1##*.}"; then
        fail 6 "$1 is no address for a container of this host"
    fi
}

# What comes from another host gets no files that are here: only volumes of the same operation, new ones and unused empty ones.
require_new_volumes() {
    while read -r word value rest; do
        case $word in
        volume | volume-ro) timeout 10 podman volume exists "$value" || continue ;;
        *) continue ;;
        esac
        mark=$(ask_podman 20 volume inspect --format '{{index .Labels "flatnet-bot.operation"}}' "$value")
        [ "$mark" != "$2" ] || continue
        users=$(ask_podman 10 ps -a --filter "volume=$value" --quiet)
        find_volume "$value"
        [ -z "$users$(find "$mount" -mindepth 1 -print -quit)" ] || fail 6 "there is a volume with the name $value"
    done <"$1"
}

# Before anything is made: what would be an obscure failure, or more than a container of Flatnet may have.
check_given() {
    list_ids >"$work/ids"
    while read -r word value more rest; do
        case $word in
        name) ! timeout 10 podman container exists "$value" || fail 6 "there is a container with the name $value" ;;
        image) timeout 10 podman image exists "$value" || fail 6 "the image is not on this host" ;;
        volume | volume-ro) check_volume "$value" "$more" ;;
        anonymous) check_place "$value" ;;
        address) check_address "$value" ;;
        label)
            decode "$value"
            case $text in
            flatnet-bot.* | PODMAN_SYSTEMD_UNIT) fail 6 "no description may have the label $text" ;;
            esac
            ;;
        esac
    done <"$1"
    for word in name image restart; do
        grep -q "^$word " "$1" || fail 6 "the description lacks: $word"
    done
}

# Lines of podman's --env-file, on standard output alone: podman keeps its arguments, and others see them.
print_variables() {
    while read -r word name value; do
        if [ "$word" = variable ]; then
            decode "$value"
            printf '%s=%s\n' "$name" "$text"
        fi
    done <"$1"
}

# podman adds the word CMD to an array of several words, and splits what begins with it itself.
convert_check() {
    case $1 in
    '["NONE"]') printf none ;;
    '["CMD","'*'","'*) printf '[%s' "${1#'["CMD",'}" ;;
    '["CMD","'*) printf 'CMD %s' "$(printf '%s' "$1" | cut -d'"' -f4)" ;;
    *) printf '%s' "$1" ;;
    esac
}

# Makes the container of a checked description and does not start it. Sets `made` to its ID.
make_container() {
    given=$1 image=''
    set -- --pull=never "--network=$network" "--label=flatnet-bot.operation=$2"
    while read -r word value more rest; do
        case $word in
        name) set -- "$@" "--name=$value" ;;
        image) image=$value ;;
        address) set -- "$@" "--ip=$value" ;;
        restart) set -- "$@" "--restart=$value" ;;
        port)
            case $value in
            -) value='' ;;
            *:*) value="[$value]:" ;;
            *) value="$value:" ;;
            esac
            set -- "$@" "--publish=$value$more:${rest% *}/${rest#* }"
            ;;
        volume | volume-ro | anonymous)
            [ "$word" != anonymous ] || more=$value
            decode "$more"
            case $word in
            volume) set -- "$@" "--volume=$value:$text" ;;
            volume-ro) set -- "$@" "--volume=$value:$text:ro" ;;
            anonymous) set -- "$@" "--volume=$text" ;;
            esac
            ;;
        label)
            decode "$value"
            value=$text
            decode "$more"
            set -- "$@" "--label=$value=$text"
            ;;
        entrypoint | user | workdir | health)
            decode "$value"
            case $word in
            health) set -- "$@" "--health-cmd=$(convert_check "$text")" ;;
            *) set -- "$@" "--$word=$text" ;;
            esac
            ;;
        hostname | memory-swap | cpu-shares | cpu-period | cpu-quota | stop-timeout | stop-signal | health-retries)
            set -- "$@" "--$word=$value"
            ;;
        memory | shm-size) set -- "$@" "--$word=${value}b" ;;
        pids) set -- "$@" "--pids-limit=$value" ;;
        ulimit) set -- "$@" "--ulimit=$value=$more:$rest" ;;
        tty | interactive | init | read-only) set -- "$@" "--$word" ;;
        health-interval | health-timeout) set -- "$@" "--$word=${value}ns" ;;
        health-start) set -- "$@" "--health-start-period=${value}ns" ;;
        esac
    done <"$given"
    set -- "$@" "$image"
    while read -r word value; do
        if [ "$word" = argument ]; then
            decode "$value"
            set -- "$@" "$text"
        fi
    done <"$given"
    made=$(print_variables "$given" | ask_podman 60 create --env-file=/dev/stdin "$@")
    check_id "$made"
}

# podman of another version may read an argument differently. What did not come out as described is removed again.
check_made() {
    printf '%s\n' "$made" | inspect_ids || fail 6 "podman could not tell about the container that it made"
    cut -d ' ' -f2- "$work/lines" >"$work/became"
    grep -aEv '^((address|memory-swap|ulimit|argument|entrypoint) .*|end)$' "$1" | grep -Fvx -f "$work/became" >"$work/differs" || :
    if grep -q '^entrypoint ' "$1"; then
        grep -E '^(entrypoint|argument) ' "$1" | sort -s -r -k1,1 >"$work/wanted"
        grep -E '^(entrypoint|argument) ' "$work/became" | sort -s -r -k1,1 | cmp -s - "$work/wanted" ||
            echo command >>"$work/differs"
    fi
    [ ! -s "$work/differs" ] || {
        timeout 60 podman rm "$made" >/dev/null
        fail 6 "podman made it differently and it was removed again: $(cut -d ' ' -f1 "$work/differs" | sort -u | tr '\n' ' ')"
    }
}

create_container() {
    check_operation "$1"
    read_description
    check_given "$work/given"
    make_container "$work/given" "$1"
    check_made "$work/given"
    print_seen
}

copy_container() {
    check_operation "$1"
    check_name "$2"
    check_id "$3"
    fits "(-|$ipv4)" "$4" || refuse
    start_beats
    read_description
    {
        grep -aEv '^(name|image|address) ' "$work/given"
        printf 'name %s\nimage %s\n' "$2" "$3"
        [ "$4" = - ] || printf 'address %s\n' "$4"
    } >"$work/copy"
    check_given "$work/copy"
    require_new_volumes "$work/copy" "$1"
    make_container "$work/copy" "$1"
    check_made "$work/copy"
    print_count "$(stat --format=%s "$work/given")" "$(hash_file "$work/given")"
}

describe_container() {
    require_own "$1"
    start_beats
    printf '%s\n' "$1" | inspect_ids || fail 6 "podman could not tell about this container"
    print_seen >"$work/shown"
    ! grep -q '"settings":""}$' "$work/shown" || fail 6 "it has settings that no description can hold"
    { cut -d ' ' -f2- "$work/lines" && echo end; } >"$work/described"
    cat "$work/described"
    print_count "$(stat --format=%s "$work/described")" "$(hash_file "$work/described")"
}

# One of another operation, or of nobody, stays.
unmake_container() {
    check_name "$1"
    check_operation "$2"
    make_work
    list_ids >"$work/ids"
    id=$(find_id "$1")
    [ -n "$id" ] || return 0
    mark=$(ask_podman 10 inspect --type container --format '{{index .Config.Labels "flatnet-bot.operation"}}' "$id")
    if [ "$mark" = "$2" ]; then
        ask_podman 60 rm --force "$id" >/dev/null
    fi
    show_id "$id"
}

# streams: the bytes of a program, as they come

# What needs room lies where podman puts its own drafts. A call that works touches both of its folders.
make_spool() {
    find /var/tmp -maxdepth 1 -name 'flatnet-bot.*' -user root -mmin +60 -exec rm -rf {} +
    spool=$(mktemp -d /var/tmp/flatnet-bot.XXXXXX)
}

# A part of a pipeline. It notes its exit code, because a pipeline has only that of its last part.
track() {
    part=$1
    shift
    {
        "$@" <&6 3>&- 6>&- &
    } 6<&0 # the input of what runs beside is nothing, unless it has another number meanwhile
    printf '%s\n' "$!" >"$work/$part.pid"
    code=0
    wait "$!" || code=$?
    [ "$code" -eq 0 ] || printf '%s\n' "$code" >"$work/$part.failed"
    return "$code"
}

# The bytes go two ways, on and into a hash, and are counted. tee would take them in pieces of 8 KiB, at twice the cost.
split() {
    perl -e '
        open(my $hash, ">&=", 7) or exit 1;
        my $count = 0;
        while (my $got = sysread(STDIN, my $piece, 1 << 20) // exit 1) {
            $count += $got;
            for my $out (*STDOUT, $hash) {
                for (my $sent = 0; $sent < $got;) {
                    $sent += syswrite($out, $piece, $got - $sent, $sent) || exit 1;
                }
            }
        }
        print STDERR "$count\n";
    ' 2>"$work/count"
}

# A program whose output is the stream.
stream_out() {
    watch_work &
    beats=$!
    exec 3>&1
    {
        { track program "$@" 2>"$work/said" 7>&- | track split split >&3; } 7>&1 | track hash sha256sum >"$work/hash"
    } || : # what failed has noted that
    exec 3>&-
    end_stream
}

# A program whose input is the stream. Where it fails, nothing more is awaited.
stream_in() {
    watch_work &
    beats=$!
    {
        {
            track split split | {
                track program "$@" 2>"$work/said" >/dev/null 7>&- || kill "$(cat "$work/split.pid")" 2>/dev/null
            }
        } 7>&1 | track hash sha256sum >"$work/hash"
    } || :
    end_stream
}

end_stream() {
    kill "$beats" 2>/dev/null || :
    wait "$beats" 2>/dev/null || :
    beats=''
    [ ! -e "$work/given-up" ] || fail 6 "$(cat "$work/given-up")"
    if [ -e "$work/program.failed" ]; then
        said=$(sed -n 's/^flatnet-bot: //p' "$work/said" | tail -n 1)
        [ -z "$said" ] || fail 6 "$said"
        if grep -Eiq 'no space left on device|^tar: .*: Wrote only [0-9]+ of ' "$work/said"; then
            said='no space left on device' # tar only counts what of a block did not fit
        else
            said=$(grep -m 1 '^Error: ' "$work/said" || grep -v '^tar: Exiting' "$work/said" | tail -n 1)
        fi
        fail 6 "$said (exit code $(cat "$work/program.failed"))"
    fi
    for part in split hash; do
        [ ! -e "$work/$part.failed" ] || fail 6 "the stream broke off (exit code $(cat "$work/$part.failed"))"
    done
    printf '{"size":%s,"sha256":"%s"}\n' "$(cat "$work/count")" "$(cut -d' ' -f1 "$work/hash")" >&2
}

# What works takes time of a processor or waits for a disk; what hangs does neither. A line is written either way, because only
# writing shows whether there is a reader. Without one, everything ends.
watch_work() {
    trap '' PIPE
    set +f
    read -r me rest </proc/self/stat
    before='' waits=0 pids=''
    while sleep 4 >/dev/null 2>&1; do
        [ -d "/proc/$$" ] || give_up "this helper was killed"
        touch "$work" ${spool:+"$spool"}
        cat /proc/[0-9]*/stat 2>/dev/null | sum_work "$me" >"$work/now" || :
        read -r now pids <"$work/now" || continue
        sign=. waits=$((waits + 1))
        [ "$now" != "$before" ] || sign=-
        [ "$sign" = - ] || waits=0
        before=$now
        printf '%s\n' "$sign" >&2 2>/dev/null || give_up "the connection ended"
        [ "$waits" -lt 225 ] || give_up "nothing happened for 15 minutes"
    done
}

# Those that stay after TERM are killed, also if the call itself has ended by then.
give_up() {
    trap '' TERM
    printf '%s\n' "$1" >"$work/given-up"
    for signal in TERM KILL; do
        for pid in $pids; do
            kill -s "$signal" "$pid" 2>/dev/null || :
        done
        sleep 2 >/dev/null 2>&1
    done
    [ -d "/proc/$$" ] || rm -rf "$work" ${spool:+"$spool"}
    exit
}

# All processes that began here, without those that watch: their time in ticks, which is odd while one waits for a disk, and
# their numbers. A name may hold anything, also a bracket.
sum_work() {
    awk -v top="$$" -v me="$1" '
        { pid = $1; sub(/^.*\) /, ""); state[pid] = $1; parent[pid] = $2; ticks[pid] = $12 + $13 + $14 + $15 }
        END {
            for (pid in parent) {
                for (above = pid; (above in parent) && above != top && above != me; above = parent[above]) ;
                if (above != top || pid == top) continue
                sum += ticks[pid]; pids = pids " " pid
                if (state[pid] == "D") busy = 1
            }
            if (busy) { srand(); sum = sum "." srand() }
            print sum pids
        }'
}

# images

# "true" or "false". Whatever else podman says is no answer.
find_in_podman() {
    code=0
    timeout 20 podman "$1" exists "$2" >"$work/said" 2>&1 || code=$?
    case $code in
    0) echo true ;;
    1) echo false ;;
    *) fail 6 "podman $1 exists: $(tail -n 1 "$work/said") (exit code $code)" ;;
    esac
}

list_images() {
    format='{"id":{{json .ID}},"names":{{json .RepoTags}},"digests":{{json .RepoDigests}},"size":{{json .Size}}'
    format="$format"',"architecture":{{json .Architecture}}}'
    ids=$(ask_podman 20 images --quiet --no-trunc)
    listed=$(printf '%s\n' "$ids" | sed 's/^sha256://' | sort -u | xargs -r timeout 35 podman image inspect --format "$format")
    [ -n "$listed" ] || return 0
    printf '%s\n' "$listed" | sed \
        's/"names":null/"names":[]/; s/"digests":null/"digests":[]/; s/"[^"@ ]*@\(sha256:[0-9a-f]*"\)/"\1/g'
}

show_storage() {
    info=$(ask_podman 15 info --format '{{.Host.Arch}} {{.Version.Version}} {{.Store.GraphRoot}}')
    rest=${info#* }
    free=''
    for place in "${rest#* }" /var/tmp; do
        here=$(($(stat --file-system --format='%a * %S' "$place")))
        if [ -z "$free" ] || [ "$here" -lt "$free" ]; then
            free=$here
        fi
    done
    fits '[a-z0-9]{1,20} [0-9A-Za-z.+~-]{1,40}' "${info%% *} ${rest%% *}" || fail 6 "podman info has an unknown format"
    printf '{"free":%s,"architecture":"%s","podman":"%s"}\n' "$free" "${info%% *}" "${rest%% *}"
}

show_image() {
    check_id "$1"
    make_work
    present=$(find_in_podman image "$1")
    printf '{"present":%s}\n' "$present"
}

# One that a container uses stays, and one with several names.
remove_image() {
    check_id "$1"
    make_work
    present=$(find_in_podman image "$1")
    [ "$present" = false ] || timeout 50 podman rmi "$1" >/dev/null 2>"$work/said" || :
    show_image "$1"
}

# A name that another image has is not taken away from it.
name_image() {
    names=$(ask_podman 20 image inspect --format '{{len .RepoTags}}' "$1") || return 1
    taken=$(find_in_podman image "$2") || return 1
    if [ "$names" -eq 0 ] && [ "$taken" = false ]; then
        timeout 20 podman tag "$1" "$2" || return 1
    fi
}

pull_image() {
    check_reference "$1"
    fits 'sha256:[0-9a-f]{64}' "$2" || refuse
    make_work
    fits '([a-z0-9-]+(\.[a-z0-9-]+)+(:[0-9]{1,5})?|[a-z0-9-]+:[0-9]{1,5})/.*' "$1" ||
        fail 6 "the name of the image does not begin with a registry, as docker.io/library/nginx does"
    bare=${1##*/}
    bare=${1%"${bare#"${bare%%:*}"}"}
    code=0
    pulled=$(timeout 570 podman pull --quiet "$bare@$2" 2>"$work/said") || code=$?
    [ "$code" -eq 0 ] ||
        fail 6 "podman pull: $(grep -m 1 '^Error: ' "$work/said" || tail -n 1 "$work/said") (exit code $code)"
    id=$(printf '%s\n' "$pulled" | tail -n 1)
    check_id "$id"
    [ "$bare" = "$1" ] || name_image "$id" "$1"
    show_image "$id"
}

save_image() {
    check_id "$1"
    make_work
    present=$(find_in_podman image "$1")
    [ "$present" = true ] || fail 6 "the image is not on this host"
    stream_out podman save --quiet --format docker-archive "$1"
}

# podman would take each name in an archive away from the image that has it. So the archive is looked at first, which must be
# one that has the image and no names. podman load would keep it in a file, too.
load_image() {
    check_id "$1"
    check_reference "$2"
    make_work
    make_spool
    watch_work &
    beats=$!
    track program take_image "$1" "$2" >/dev/null 2>"$work/said" || :
    end_stream
}

take_image() {
    cat >"$spool/image.tar" || exit
    stat --format=%s "$spool/image.tar" >"$work/count"
    sha256sum "$spool/image.tar" >"$work/hash" &
    hashing=$!
    text=$(tar --extract --to-stdout --file="$spool/image.tar" manifest.json | head -c 65537)
    [ -n "$text" ] || fail 1 "the stream ended early"
    layers='"[0-9a-f]{64}\.tar"(,"[0-9a-f]{64}\.tar"){0,255}'
    fits '\[\{"Config":"'"$1"'\.json","RepoTags":(null|\[\]),"Layers":\['"$layers"'\]\}\]' "$(printf '%s' "$text")" ||
        fail 1 "what came is not this image alone"
    timeout 20 podman images --all --quiet --no-trunc >"$spool/before" || exit 1
    loaded=$(podman pull --quiet "docker-archive:$spool/image.tar") || exit
    if [ "$loaded" != "$1" ]; then
        if fits '[0-9a-f]{64}' "$loaded" && ! grep -Fqx "sha256:$loaded" "$spool/before"; then
            timeout 50 podman rmi "$loaded" >/dev/null
        fi
        fail 1 "another image came"
    fi
    name_image "$1" "$2" || exit 1
    wait "$hashing" || exit
}

# volumes

# Their files lie in podman's own storage, or they are none that this can move.
find_volume() {
    format='{{printf "%X" .Driver}} {{len .Options}} {{.Mountpoint}}'
    described=$(ask_podman 20 volume inspect --format "$format" "$1")
    fits '6C6F63616C 0 (/[a-zA-Z0-9_.-]+)+/volumes/'"$1"'/_data' "$described" ||
        fail 6 "the volume has a driver, mount options or a place of its own"
    mount=${described#* 0 }
    if [ ! -d "$mount" ] || [ -L "$mount" ]; then
        fail 6 "the files of the volume are not at $mount"
    fi
    [ ! -e "${mount%/*}/$half" ] || fail 6 "only a part of the volume came in. Remove it, and move it again"
}

half=flatnet-bot.half # beside the files of a volume, as long as they are not all there

list_volumes() {
    format='{{.Name}} {{printf "%X" .Driver}} {{len .Options}} {{.Mountpoint}}'
    names=$(ask_podman 20 volume ls --format '{{.Name}}')
    listed=$(printf '%s\n' "$names" | sed '/^$/d' | xargs -r timeout 20 podman volume inspect --format "$format")
    [ -n "$listed" ] || return 0
    printf '%s\n' "$listed" | while read -r name driver options place; do
        kind=$(printf '%s' "$driver" | basenc --base16 --decode | tr -c 'a-zA-Z0-9_.-' '?')
        size=0
        if [ "$kind:$options" = local:0 ] && [ -d "$place" ]; then
            size=$(timeout 40 du --summarize --block-size=1 -- "$place" | cut -f1)
        fi
        printf '{"name":"%s","driver":"%s","options":%s,"size":%s}\n' "$name" "$kind" "$options" "$size"
    done
}

show_no_volume() {
    printf '{"present":false}\n'
}

# The same on every host and with every version of tar. Times do not count, and neither do sockets, which no tar has.
measure_volume() {
    check_name "$1"
    make_work
    present=$(find_in_podman volume "$1")
    if [ "$present" = false ]; then
        show_no_volume
        return
    fi
    find_volume "$1"
    make_spool
    cd "$mount"
    find . ! -type s -printf '%y %m %U %G %P\n%l\0' >"$spool/names"
    find . -type f -print0 | sort -z >"$spool/files"
    xargs -0 -r sha256sum --zero -- <"$spool/files" >"$spool/sums"
    sort -z "$spool/names" >"$spool/all"
    cat "$spool/sums" >>"$spool/all"
    files=$(tr -dc '\0' <"$spool/names" | wc -c)
    printf '{"present":true,"files":%s,"sha256":"%s"}\n' "$((files - 1))" "$(hash_file "$spool/all")"
    cd /
}

refuse_devices() {
    devices=$(find "$mount" -xdev \( -type b -o -type c \) -print -quit)
    [ -z "$devices" ] || fail 6 "the volume has a device"
}

export_volume() {
    check_name "$1"
    make_work
    present=$(find_in_podman volume "$1")
    [ "$present" = true ] || fail 6 "the volume is not on this host"
    find_volume "$1"
    refuse_shared "$1"
    refuse_devices
    echo "$1" >"$work/end"
    stream_out tar --create --file=- --format=posix --numeric-owner --acls --xattrs --xattrs-include='user.*' \
        --xattrs-include=security.capability --sparse --directory="${mount%/*}" _data --directory="$work" end
}

# What was made is removed where it fails. Its end is a file, since tar takes a part of an archive for the whole of it.
import_volume() {
    check_name "$1"
    check_operation "$2"
    make_work
    present=$(find_in_podman volume "$1")
    [ "$present" = false ] || fail 6 "a volume of this name is on this host already"
    timeout 20 podman volume create --label "flatnet-bot.operation=$2" "$1" >/dev/null
    find_volume "$1"
    : >"${mount%/*}/$half"
    if ! (stream_in unpack_volume "$1"); then
        find "$mount" -mindepth 1 -delete || : # podman needs room on a full disk
        timeout 50 podman volume rm "$1" >/dev/null || :
        exit 6
    fi
}

unpack_volume() {
    tar --extract --file=- --numeric-owner --same-owner --same-permissions --acls --xattrs --xattrs-include='user.*' \
        --xattrs-include=security.capability --directory="${mount%/*}" _data end || {
        code=$?
        ! grep -Eq 'Not found in archive|Unexpected EOF|not look like a tar' "$work/said" || fail 1 "the stream ended early"
        exit "$code"
    }
    # a link in place of the folder of files would give a container that folder of the host
    if [ ! -d "$mount" ] || [ -L "$mount" ]; then
        fail 1 "what came is no volume"
    fi
    if [ ! -f "${mount%/*}/end" ] || [ -L "${mount%/*}/end" ]; then
        fail 1 "the stream ended early"
    fi
    refuse_devices
    rm -f "${mount%/*}/end"
    sync --file-system "$mount" || exit 1
    rm -f "${mount%/*}/$half"
}

unmake_volume() {
    check_name "$1"
    check_operation "$2"
    make_work
    present=$(find_in_podman volume "$1")
    if [ "$present" = true ]; then
        mark=$(ask_podman 20 volume inspect --format '{{index .Labels "flatnet-bot.operation"}}' "$1")
        if [ "$mark" = "$2" ]; then
            timeout 50 podman volume rm "$1" >/dev/null 2>"$work/said" || fail 6 "podman volume rm: $(tail -n 1 "$work/said")"
            present=false
        fi
    fi
    printf '{"present":%s}\n' "$present"
}

# ipam: addresses that Flatnet's plug-in has handed out

find_allocations() {
    file=$folder/ipam/allocations.json
    [ -e "$file" ] || fail 6 "$file is not there. Is Flatnet's plug-in in use?"
    require_root_path "$file" 'regular file'
}

list_ipam() {
    find_allocations
    [ "$(stat --format=%s "$file")" -le 1048576 ] || fail 6 "$file is larger than 1 MB"
    cat "$file"
}

open_allocations() {
    find_allocations
    read_header "$file" >/dev/null || fail 6 "$file is not as Flatnet's plug-in writes it"
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

# Lines of ID and address become the plug-in's file, whole and at once.
put_allocations() {
    entries=$(printf '%s\n' "$2" | sed -n 's/^\([^ ]*\) \([0-9.]*\)$/"\1":"\2"/p' | tr '\n' ',')
    temporary=$folder/ipam/.allocations.json.tmp
    rm -f "$temporary"
    printf '%s"allocations":{%s}}\n' "$1" "${entries%,}" >"$temporary"
    read_header "$temporary" >/dev/null || return 1
    [ ! -e "$file" ] || chmod --reference="$file" "$temporary"
    { sync "$temporary" && mv -T "$temporary" "$file" && sync "$folder/ipam"; } || return 1
}

# Every container that podman knows, on any network: also those of a build.
list_known() {
    ask_podman 10 ps --all --external --quiet --no-trunc
}

# The file is read first: what is in it had its container by then, or has lost it meanwhile.
look_ipam() {
    open_allocations
    said=$(read_allocations "$file")
    ids=$(list_known)
    orphans=$(
        printf '%s\n' "$said" | while read -r id ip; do
            fits '[0-9a-f]{64}' "$id" || continue
            printf '%s\n' "$ids" | grep -Fqx "$id" || print_allocation "$id" "$ip"
        done
    )
    read -r uptime rest </proc/uptime
    printf '{"uptime":%s,"orphans":[%s]}\n' "${uptime%.*}" "${orphans#,}"
}

print_allocation() {
    printf ',{"container":"%s","address":"%s"}' "$1" "$2"
}

# The plug-in takes the same lock for all that it does.
clean_ipam() {
    asked=$(head -c 131072)
    printf '%s\n' "$asked" | grep -Eqvx '[0-9a-f]{64} [0-9.]{7,15}' && refuse
    open_allocations
    open_store
    for turn in 1 2 3; do
        if (
            flock -w 5 9 || exit 1
            remove_orphans
        ) 9>>"$folder/ipam/.lock"; then
            return
        fi
        sleep "$turn"
    done
    fail 6 "podman or the plug-in is busy, so nothing was removed. Try again when no container starts"
}

# What podman knows again, or has another address now, stays. The file as it was is kept beside what this helper replaces.
remove_orphans() {
    said=$(read_allocations "$file") || return 1
    ids=$(list_known) || return 1
    removed='' kept='' left=$said
    while read -r id ip; do
        if ! printf '%s\n' "$said" | grep -q "^$id "; then
            continue
        elif printf '%s\n' "$ids" | grep -Fqx "$id" || ! printf '%s\n' "$said" | grep -Fqx "$id $ip"; then
            kept=$kept$(print_allocation "$id" "$ip")
        else
            removed=$removed$(print_allocation "$id" "$ip")
            left=$(printf '%s\n' "$left" | grep -Fvx "$id $ip" || :)
        fi
    done <<END
$asked
END
    copy=''
    if [ -n "$removed" ]; then
        header=$(read_header "$file") || return 1
        copy=$store/allocations-$(date -u +%Y%m%dT%H%M%SZ).json
        cp --preserve=mode,timestamps -T "$file" "$copy" || return 1
        put_allocations "$header" "$left" || return 1
        find "$store" -maxdepth 1 -name 'allocations-*.json' | sort | head -n -20 | xargs -r rm -f
    fi
    printf '{"removed":[%s],"kept":[%s],"copy_file":"%s"}\n' "${removed#,}" "${kept#,}" "$copy"
}

# backup

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
    put_allocations "$header" "$taken
$waiting"
}

[ $# -gt 0 ] || refuse
[ "$(id -u)" -eq 0 ] || fail 6 "run it as root, with sudo -n $self"
require_root_path "$self" 'regular file'
require_root_path "$allow" 'regular file'
read_allow
case $#:$1 in
3:term)
    [ "$2" = keep ] || refuse
    keep_term "$3"
    printf '{"term":%s}\n' "$3"
    exit
    ;;
[4-9]:term)
    keep_term "$2"
    shift 2
    ;;
esac
case $#:$1 in
1:version)
    show_version
    exit
    ;;
2:forwarding | 2:ipam | [234]:backup | [23456]:containers) require_area "$1" ;;
2:network) require_area forwarding ;;
[234]:images | [234]:volumes) require_area containers ;;
*) refuse ;;
esac
case $#:$1:$2 in
2:forwarding:status) show_forwarding ;;
2:forwarding:apply) apply_forwarding ;;
2:network:show) show_network ;;
2:network:create) create_network ;;
2:network:remove) remove_network ;;
2:containers:list) list_containers ;;
3:containers:show) show_container "$3" ;;
3:containers:start | 3:containers:stop | 3:containers:restart) move_container "$2" "$3" ;;
3:containers:remove) remove_container "$3" ;;
4:containers:policy) set_policy "$3" "$4" ;;
3:containers:diff) count_changes "$3" ;;
3:containers:create) create_container "$3" ;;
3:containers:describe) describe_container "$3" ;;
6:containers:copy) copy_container "$3" "$4" "$5" "$6" ;;
4:containers:unmake) unmake_container "$3" "$4" ;;
2:images:list) list_images ;;
2:images:storage) show_storage ;;
3:images:show) show_image "$3" ;;
3:images:remove) remove_image "$3" ;;
4:images:pull) pull_image "$3" "$4" ;;
3:images:save) save_image "$3" ;;
4:images:load) load_image "$3" "$4" ;;
2:volumes:list) list_volumes ;;
3:volumes:measure) measure_volume "$3" ;;
3:volumes:export) export_volume "$3" ;;
4:volumes:import) import_volume "$3" "$4" ;;
4:volumes:unmake) unmake_volume "$3" "$4" ;;
2:ipam:list) list_ipam ;;
2:ipam:look) look_ipam ;;
2:ipam:clean) clean_ipam ;;
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
END_OF_HELPER
}

sshd_config() {
    cat <<END
# Written by prepare-wsl.sh.
Port $port
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
Match User $user
    AuthenticationMethods publickey
    PermitTTY no
    DisableForwarding yes
Match all
END
}

wsl_conf() {
    if [ ! -e /etc/wsl.conf ]; then
        printf '[boot]\nsystemd=true\n'
    elif grep -q '^[[:space:]]*\[boot\]' /etc/wsl.conf; then
        sed '/^[[:space:]]*systemd[[:space:]]*=/d; s/^[[:space:]]*\[boot\].*/&\nsystemd=true/' /etc/wsl.conf
    else
        cat /etc/wsl.conf
        [ -z "$(tail -c1 /etc/wsl.conf)" ] || echo # the end of a last line that has none
        printf '[boot]\nsystemd=true\n'
    fi
}

# The steps that were taken, each as the command that takes it back, are in a file: the newest is taken back first.
undo_with() {
    printf '%s\n' "$*" >>"$work/undo"
}

roll_back() {
    say "taking back what was done"
    sed '1!G;h;$!d' "$work/undo" >"$work/reversed"
    while IFS= read -r command; do
        sh -c "$command" </dev/null || say "this could not be taken back: $command"
    done <"$work/reversed"
}

leave() {
    status=$?
    trap - EXIT INT TERM HUP
    set +e
    if [ "$finished" = no ] && [ -s "$work/undo" ]; then
        roll_back
    fi
    if [ "$made_run" = yes ] && [ "$finished" = no ]; then
        rmdir /run/sshd
    fi
    rm -rf "$work"
    exit "$status"
}

# What a file is now, so that it can be put back.
keep() {
    if [ -e "$1" ]; then
        kept=$((kept + 1))
        cp -p "$1" "$work/$kept" || fail "$1 is no file that can be read"
        undo_with "cp -p '$work/$kept' '$1'"
    else
        undo_with "rm -f '$1'"
    fi
}

# Puts the draft into a file of that mode and owner; fails, quietly, where it stands there already.
install_as() {
    if cmp -s "$work/draft" "$1"; then
        return 1
    fi
    keep "$1"
    install -T -m "$2" -o "$3" -g "$3" "$work/draft" "$1" || fail "$1 cannot be written"
    say "wrote $1"
}

# The folder of a file, made for root where it is missing.
make_folder() {
    if [ ! -d "$1" ]; then
        undo_with "[ ! -d '$1' ] || rmdir '$1'"
        install -d -m 0755 -o root -g root "$1"
    fi
}

# The rules come last, so that sudo never names what is not there.
install_helper() {
    make_folder "${program%/*}"
    helper >"$work/draft"
    install_as "$program" 0755 root || :
    make_folder "${allow%/*}"
    allow_list >"$work/draft"
    install_as "$allow" 0644 root || :
    sudoers_manage >"$work/draft"
    install_as "$rules" 0440 root || :
    "$program" version >/dev/null || fail "the helper refuses to run; see above"
}

# What it did stays: IP forwarding at boot is needed whether the bot may change it or not.
remove_helper() {
    for file in "$rules" "$allow" "$program"; do
        if [ -e "$file" ] || [ -L "$file" ]; then
            keep "$file"
            rm -f "$file"
            say "removed $file"
        fi
    done
    for place in "${allow%/*}" "${program%/*}"; do
        if [ -d "$place" ] && [ -z "$(ls -A "$place")" ]; then
            undo_with "install -d -m 0755 -o root -g root '$place'"
            rmdir "$place"
        fi
    done
    [ ! -e /etc/sysctl.d/zz-flatnet-bot.conf ] ||
        say "IP forwarding at boot stays as the helper set it, in /etc/sysctl.d/zz-flatnet-bot.conf"
    [ ! -e /var/lib/flatnet-bot ] || say "the list of this host's own backups stays in /var/lib/flatnet-bot"
}

change_helper() {
    case $manage in
    '') ;;
    none) remove_helper ;;
    *) install_helper ;;
    esac
}

# The checks

check_account() {
    if ! getent passwd "$user" >/dev/null; then
        ! getent group "$user" >/dev/null || fail "there is a group $user and no such user; take another --user"
        return
    fi
    home=$(getent passwd "$user" | cut -d: -f6)
    fits '(/[a-zA-Z0-9_.-]+){1,8}' "$home" "the home of $user"
    [ "$(id -u "$user")" -ne 0 ] || fail "$user is root; take another --user"
    [ -d "$home" ] || fail "$user exists and has no home at $home; take another --user"
    case $(getent passwd "$user" | cut -d: -f7) in
    */nologin | */false) fail "$user exists and may not log in; take another --user" ;;
    esac
    if [ -s "$home/.ssh/authorized_keys" ] && ! grep -Fqx "$mark" "$home/.ssh/authorized_keys"; then
        fail "$user exists and has keys of its own in $home/.ssh/authorized_keys; take another --user"
    fi
}

check_podman() {
    command -v podman >/dev/null || fail "podman is not installed; set Flatnet up first"
    [ "$(command -v podman)" = /usr/bin/podman ] || fail "podman is not /usr/bin/podman; change the paths in this file"
}

# A broken file would shut everybody out of sudo.
check_sudo() {
    command -v visudo >/dev/null || fail "sudo is not installed: apt-get install sudo"
    grep -Eqs '^[#@]includedir[[:space:]]+"?/etc/sudoers\.d' /etc/sudoers || fail "/etc/sudoers does not include /etc/sudoers.d"
    sudoers >"$work/draft"
    visudo -cqf "$work/draft" || fail "sudo does not take the rule; see above"
    sudoers_logs >"$work/draft"
    if ! visudo -cqf "$work/draft" 2>/dev/null; then
        expressions=no
        say "this sudo is older than 1.9.10 and knows no regular expressions:" \
            "the bot will neither read logs of containers, nor start or stop them, nor fetch backups"
    fi
}

# The helper refuses to run where others than root could change it, so it is not put there.
check_helper() {
    for place in / /usr /usr/local "${program%/*}" "$program" /etc "${allow%/*}" "$allow"; do
        [ -e "$place" ] || [ -L "$place" ] || continue
        [ ! -L "$place" ] || fail "$place is a link; put a real one there"
        set -- "$(stat --format='%u' "$place")" "$(stat --format='%a' "$place")"
        if [ "$1" -ne 0 ] || [ $((0$2 & 022)) -ne 0 ]; then
            fail "others than root can change $place. Run: chown root $place; chmod go-w $place"
        fi
    done
    sudoers_manage >"$work/draft"
    visudo -cqf "$work/draft" || fail "sudo does not take the helper's rule; see above"
}

check_prepared() {
    getent passwd "$user" >/dev/null || fail "there is no user $user yet; give --key, too"
    grep -Fqsx "$mark" "$(getent passwd "$user" | cut -d: -f6)/.ssh/authorized_keys" ||
        fail "this script has not prepared the user $user yet; give --key, too"
}

# The draft counts as it would where it belongs: before everything else in sshd's own file.
check_sshd() {
    grep -Eqs '^[[:space:]]*Include[[:space:]]+/etc/ssh/sshd_config\.d/\*\.conf' /etc/ssh/sshd_config ||
        fail "/etc/ssh/sshd_config does not include /etc/ssh/sshd_config.d/*.conf: add that line at its beginning"
    printf '%s\n' "$key" >"$work/key"
    ssh-keygen -lf "$work/key" >/dev/null 2>&1 || fail "--key cannot be: it is not a public key"
    if [ ! -d /run/sshd ]; then # sshd wants it even for a test
        mkdir -m 0755 /run/sshd
        made_run=yes
    fi
    sshd_config >"$work/draft"
    printf 'Include %s\nInclude /etc/ssh/sshd_config\n' "$work/draft" >"$work/whole"
    "$sshd" -t -f "$work/whole" || fail "sshd does not take this configuration; see above"
}

check_port() {
    others=$(ss -Hltnp "sport = :$port" 2>/dev/null | grep -Ev '"(sshd|systemd)"' || :)
    [ -z "$others" ] || fail "port $port is taken by another program: $others"
}

check_from() {
    perl -MSocket=AF_INET,AF_INET6,inet_pton -e '
        my ($address, $bits) = split m{/}, $ARGV[0], 2;
        my $most = defined inet_pton(AF_INET, $address) ? 32 : defined inet_pton(AF_INET6, $address) ? 128 : exit 1;
        exit(defined $bits && ($bits !~ /\A\d{1,3}\z/ || $bits > $most))' "$from" || fail "--from cannot be: $from"
}

while [ $# -gt 0 ]; do
    case $1 in
    --key | --from | --port | --user | --network | --folder | --manage | --id | --bridge)
        [ $# -ge 2 ] || fail "$1 needs a value"
        eval "${1#--}=\$2"
        shift 2
        ;;
    --print-sudoers | --print-helper)
        only=${1#--print-}
        shift
        ;;
    *) fail "unknown argument $1; the head of this file lists them" ;;
    esac
done

fits '[a-z_][a-z0-9_-]{0,31}' "$user" --user
fits '[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}' "$network" --network
fits '(/[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}){1,8}' "$folder" --folder
fits '[1-9][0-9]{0,4}' "$port" --port
[ "$port" -le 65535 ] || fail "--port cannot be: $port"
[ -z "$from" ] || fits '[0-9a-fA-F.:/]{3,49}' "$from" --from
[ -z "$from" ] || check_from
fits '[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}' "$bridge" --bridge
if [ -n "$manage" ] && [ "$manage" != none ]; then
    fits '(forwarding|containers|ipam|backup)(,(forwarding|containers|ipam|backup)){0,3}' "$manage" --manage
    fits '[1-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-4]' "$id" --id
fi
expressions=yes
case $only in
helper)
    helper
    exit
    ;;
sudoers)
    sudoers
    sudoers_logs
    case $manage in '' | none) ;; *) sudoers_manage ;; esac
    exit
    ;;
esac

if [ -n "$key" ] || [ -z "$manage" ]; then
    fits '(ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/=]+( [A-Za-z0-9._@-]+)?' "$key" --key
fi
[ "$(id -u)" -eq 0 ] || fail "run it as root, with sudo"

finished=no made_run=no kept=0 home=''
work=$(mktemp -d)
trap leave EXIT
trap 'exit 130' INT TERM HUP
if [ "$key,$manage" = ,none ]; then
    remove_helper
    finished=yes
    exit
fi
check_podman
check_sudo
case $manage in '' | none) ;; *) check_helper ;; esac
if [ -z "$key" ]; then
    check_prepared
    install_helper
    finished=yes
    exit
fi
check_account
check_port
[ ! -x "$sshd" ] || check_sshd

# 1. systemd
wsl_conf >"$work/draft"
if grep -Eqs '^[[:space:]]*systemd[[:space:]]*=[[:space:]]*true' /etc/wsl.conf; then
    [ -d /run/systemd/system ] ||
        fail "systemd is not running yet: in Windows, wsl --shutdown; start it again, then run this once more"
else
    install_as /etc/wsl.conf 0644 root || :
fi
if [ ! -d /run/systemd/system ]; then
    finished=yes
    say "not finished: systemd is not running yet. In Windows, wsl --shutdown; start it again, then run this once more"
    exit 2
fi

# 2. sshd; its restart is the last that is taken back, after its files
[ -x "$sshd" ] || {
    say "installing openssh-server, which stays"
    DEBIAN_FRONTEND=noninteractive apt-get install -y openssh-server
    check_sshd
}
restart=no back=stop
if systemctl is-active --quiet ssh.service; then
    back=restart
fi
undo_with "[ ! -e '$work/restarted' ] || systemctl $back ssh.service"
sshd_config >"$work/draft"
if install_as "$drop_in" 0644 root; then
    restart=yes
fi
"$sshd" -t || fail "sshd does not take its configuration; see above"

# 3. the account: "*" is a password that nothing matches, and no lock that would also refuse keys
if [ -z "$home" ]; then
    undo_with "! getent passwd '$user' >/dev/null || userdel --remove '$user' 2>/dev/null"
    useradd --create-home --user-group --shell /bin/sh --password '*' "$user"
    say "made the user $user"
    home=$(getent passwd "$user" | cut -d: -f6)
fi
for group in adm systemd-journal; do # syslog and the journal may be read by these
    if getent group "$group" >/dev/null && ! id -nG "$user" | tr ' ' '\n' | grep -Fqx "$group"; then
        undo_with "! id -nG '$user' | grep -Fqw $group || gpasswd --delete '$user' $group >/dev/null"
        usermod --append --groups "$group" "$user"
        say "put $user into the group $group"
    fi
done
if [ ! -d "$home/.ssh" ]; then
    undo_with "[ ! -d '$home/.ssh' ] || rmdir '$home/.ssh'"
    install -d -m 0700 -o "$user" -g "$user" "$home/.ssh"
fi
options=restrict
[ -z "$from" ] || options="restrict,from=\"$from\""
printf '%s\n%s %s\n' "$mark" "$options" "$key" >"$work/draft"
install_as "$home/.ssh/authorized_keys" 0600 "$user" || :

# 4. sudo
sudoers >"$work/draft"
install_as /etc/sudoers.d/flatnet-bot 0440 root || :
if [ "$expressions" = yes ]; then
    sudoers_logs >"$work/draft"
    install_as /etc/sudoers.d/flatnet-bot-logs 0440 root || :
fi

# 5. the helper
change_helper

# Ubuntu starts sshd through a socket unit, which does not know our port in every release.
if systemctl is-enabled --quiet ssh.socket 2>/dev/null; then
    undo_with "systemctl enable --quiet --now ssh.socket"
    systemctl disable --quiet --now ssh.socket
    if [ -e /etc/systemd/system/ssh.service.d/00-socket.conf ]; then
        keep /etc/systemd/system/ssh.service.d/00-socket.conf
        rm /etc/systemd/system/ssh.service.d/00-socket.conf
    fi
    restart=yes
fi
if ! systemctl is-enabled --quiet ssh.service; then
    undo_with "systemctl disable --quiet ssh.service"
    systemctl enable --quiet ssh.service
fi
if [ "$restart" = yes ] || [ "$back" = stop ]; then
    : >"$work/restarted"
    systemctl restart ssh.service || fail "sshd does not start; see: journalctl -u ssh.service"
    say "sshd listens at port $port"
fi
finished=yes

# 6. the host key
say "for the bot's known_hosts file, with this host's address instead of ADDRESS:"
printf '[ADDRESS]:%s %s\n' "$port" "$(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)"
say "its fingerprint (host add NAME --wsl-fingerprint):"
ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d' ' -f2
