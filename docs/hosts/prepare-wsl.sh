#!/bin/sh
# Prepares the WSL2 side of a Flatnet host for flatnet-bot. Read it, then run it as root inside the distribution:
#
#     sudo sh prepare-wsl.sh --key 'ssh-ed25519 AAAA... flatnet-bot'
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
# To undo it: userdel --remove flatnet; rm /etc/sudoers.d/flatnet-bot /etc/sudoers.d/flatnet-bot-logs /etc/ssh/sshd_config.d/10-flatnet-bot.conf
set -eu

key='' from='' port=2222 user=flatnet network=flatnet folder=/var/lib/flatnet only=

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

# Puts the draft into a file of that mode and owner; fails, quietly, where it stands there already.
install_as() {
    if cmp -s "$draft" "$1"; then
        return 1
    fi
    install -m "$2" -o "$3" -g "$3" "$draft" "$1"
    say "wrote $1"
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
fits '[0-9]{1,5}' "$port" --port
[ -z "$from" ] || fits '[0-9a-fA-F.:/]{3,49}' "$from" --from
if [ "$only" = sudoers ]; then
    sudoers
    sudoers_logs
    exit
fi

fits '(ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/=]+( [A-Za-z0-9._@-]+)?' "$key" --key
[ "$(id -u)" -eq 0 ] || fail "run it as root, with sudo"
command -v podman >/dev/null || fail "podman is not installed; set Flatnet up first"
[ "$(command -v podman)" = /usr/bin/podman ] || fail "podman is not /usr/bin/podman; change the paths in this file"

draft=$(mktemp)
trap 'rm -f "$draft"' EXIT

# 1. systemd
if ! grep -Eqs '^[[:space:]]*systemd[[:space:]]*=[[:space:]]*true' /etc/wsl.conf; then
    if grep -qs '^[[:space:]]*\[boot\]' /etc/wsl.conf; then
        sed -i 's/^[[:space:]]*\[boot\].*/&\nsystemd=true/' /etc/wsl.conf
    else
        printf '[boot]\nsystemd=true\n' >>/etc/wsl.conf
    fi
    say "wrote /etc/wsl.conf"
fi
[ -d /run/systemd/system ] || fail "systemd is not running yet: in Windows, wsl --shutdown; start it again, then run this once more"

# 2. sshd
command -v sshd >/dev/null || [ -x /usr/sbin/sshd ] || {
    DEBIAN_FRONTEND=noninteractive apt-get install -y openssh-server
}
restart=no
sshd_config >"$draft"
if install_as /etc/ssh/sshd_config.d/10-flatnet-bot.conf 0644 root; then
    restart=yes
fi
/usr/sbin/sshd -t || fail "sshd does not take its configuration; see above. The running sshd was not touched"

# 3. the account: "*" is a password that nothing matches, and no lock that would also refuse keys
id "$user" >/dev/null 2>&1 || {
    useradd --create-home --user-group --shell /bin/sh --password '*' "$user"
    say "made the user $user"
}
for group in adm systemd-journal; do # syslog and the journal may be read by these
    if getent group "$group" >/dev/null && ! id -nG "$user" | tr ' ' '\n' | grep -Fqx "$group"; then
        usermod --append --groups "$group" "$user"
        say "put $user into the group $group"
    fi
done
home=$(getent passwd "$user" | cut -d: -f6)
keys=$home/.ssh/authorized_keys
mark='# Written by prepare-wsl.sh.'
if [ -s "$keys" ] && ! grep -Fqx "$mark" "$keys"; then
    fail "$user exists and has keys of its own in $keys; take another --user"
fi
install -d -m 0700 -o "$user" -g "$user" "$home/.ssh"
options=restrict
[ -z "$from" ] || options="restrict,from=\"$from\""
printf '%s\n%s %s\n' "$mark" "$options" "$key" >"$draft"
install_as "$keys" 0600 "$user" || :

# 4. sudo: checked before it is in force, because a broken file shuts everybody out of sudo
sudoers >"$draft"
visudo -cqf "$draft" || fail "sudo does not take the rule; its file was not touched"
install_as /etc/sudoers.d/flatnet-bot 0440 root || :
sudoers_logs >"$draft"
if visudo -cqf "$draft" 2>/dev/null; then
    install_as /etc/sudoers.d/flatnet-bot-logs 0440 root || :
else
    say "this sudo is older than 1.9.10 and knows no regular expressions: the bot will not read logs of containers"
fi

# Ubuntu starts sshd through a socket unit, which does not know our port in every release.
if systemctl is-enabled --quiet ssh.socket 2>/dev/null; then
    systemctl disable --now ssh.socket
    rm -f /etc/systemd/system/ssh.service.d/00-socket.conf
    restart=yes
fi
systemctl enable --quiet ssh.service
if [ "$restart" = yes ] || ! systemctl is-active --quiet ssh.service; then
    systemctl restart ssh.service
    say "sshd listens at port $port"
fi

# 5. the host key
say "for the bot's known_hosts file, with this host's address instead of ADDRESS:"
printf '[ADDRESS]:%s %s\n' "$port" "$(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)"
