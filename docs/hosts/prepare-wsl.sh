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
#   5. prints the host key for the bot's known_hosts file
#
#     --key KEY       the public half of the bot's key (required)
#     --port PORT     where sshd listens (2222)
#     --from ADDRESS  the only address the key is taken from. Not with NAT and a port proxy: sshd then sees Windows' address
#     --user NAME     the account (flatnet)
#     --network NAME  Flatnet's podman network (flatnet)
#     --folder PATH   Flatnet's folder (/var/lib/flatnet)
#     --print-sudoers prints what step 4 would write, and ends
#
# To undo it:
#     userdel --remove flatnet; rm -f /etc/sudoers.d/flatnet-bot /etc/sudoers.d/flatnet-bot-logs
#     rm -f /etc/ssh/sshd_config.d/10-flatnet-bot.conf; systemctl restart ssh.service
set -eu

key='' from='' port=2222 user=flatnet network=flatnet folder=/var/lib/flatnet only=
mark='# Written by prepare-wsl.sh.'
sshd=/usr/sbin/sshd drop_in=/etc/ssh/sshd_config.d/10-flatnet-bot.conf

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

# A broken file would shut everybody out of sudo.
check_sudo() {
    command -v visudo >/dev/null || fail "sudo is not installed: apt-get install sudo"
    grep -Eqs '^[#@]includedir[[:space:]]+"?/etc/sudoers\.d' /etc/sudoers || fail "/etc/sudoers does not include /etc/sudoers.d"
    sudoers >"$work/draft"
    visudo -cqf "$work/draft" || fail "sudo does not take the rule; see above"
    sudoers_logs >"$work/draft"
    if ! visudo -cqf "$work/draft" 2>/dev/null; then
        logs=no
        say "this sudo is older than 1.9.10 and knows no regular expressions: the bot will not read logs of containers"
    fi
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
    --key | --from | --port | --user | --network | --folder)
        [ $# -ge 2 ] || fail "$1 needs a value"
        eval "${1#--}=\$2"
        shift 2
        ;;
    --print-sudoers)
        only=sudoers
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
if [ "$only" = sudoers ]; then
    sudoers
    sudoers_logs
    exit
fi

fits '(ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/=]+( [A-Za-z0-9._@-]+)?' "$key" --key
[ "$(id -u)" -eq 0 ] || fail "run it as root, with sudo"
command -v podman >/dev/null || fail "podman is not installed; set Flatnet up first"
[ "$(command -v podman)" = /usr/bin/podman ] || fail "podman is not /usr/bin/podman; change the paths in this file"

finished=no made_run=no kept=0 logs=yes home=''
work=$(mktemp -d)
trap leave EXIT
trap 'exit 130' INT TERM HUP
check_account
check_sudo
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
if [ "$logs" = yes ]; then
    sudoers_logs >"$work/draft"
    install_as /etc/sudoers.d/flatnet-bot-logs 0440 root || :
fi

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

# 5. the host key
say "for the bot's known_hosts file, with this host's address instead of ADDRESS:"
printf '[ADDRESS]:%s %s\n' "$port" "$(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)"
