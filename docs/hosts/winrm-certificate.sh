#!/bin/sh
# Makes the certificate with which a Windows host proves itself to flatnet-bot. Run it where the CA's key may lie, not on a host:
#
#     sh winrm-certificate.sh host-a 192.0.2.11 host-a.example.lan
#
# For Windows Server 2016, which cannot open a file with today's ciphers, --server-2016 comes first; the file is weaker then.
#
# The first name is the file's; all of them, and the addresses, go into the certificate, and the url in flatnet.toml must use one.
# The first time it also makes the CA. In the current folder:
#
#     winrm-ca.pem   the CA's certificate: the bot's ca_file (ten years)
#     winrm-ca.key   the CA's key, with a passphrase: whoever has both can pretend to be a host. Keep it off the bot
#     host-a.pfx     for prepare-windows.ps1 on that host, with a password of its own (two years); delete it afterwards
#
# openssl asks for passphrases. CA_PASSPHRASE and PFX_PASSPHRASE in the environment answer it.
set -eu
umask 077

ciphers=
if [ "${1-}" = --server-2016 ]; then
    ciphers='-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1'
    shift
fi
if [ $# -lt 2 ]; then
    printf '%s\n' 'usage: winrm-certificate.sh [--server-2016] NAME ADDRESS-OR-NAME...' >&2
    exit 2
fi
name=$1
names=
for one in "$@"; do
    case $one in
    *[!a-zA-Z0-9.:-]* | -* | '')
        printf '%s\n' "winrm-certificate: this is no name and no address: $one" >&2
        exit 2
        ;;
    *:* | [0-9]*.[0-9]*.[0-9]*.[0-9]*) names="$names${names:+,}IP:$one" ;;
    *) names="$names${names:+,}DNS:$one" ;;
    esac
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -e winrm-ca.key ]; then
    openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -aes-256-cbc \
        ${CA_PASSPHRASE:+-pass env:CA_PASSPHRASE} -out "$work/ca.key"
    openssl req -x509 -new -key "$work/ca.key" ${CA_PASSPHRASE:+-passin env:CA_PASSPHRASE} -sha256 -days 3650 \
        -subj '/CN=Flatnet WinRM CA' -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' \
        -addext 'keyUsage=critical,keyCertSign,cRLSign' -out winrm-ca.pem
    mv "$work/ca.key" winrm-ca.key
    chmod 0644 winrm-ca.pem
fi

cat >"$work/extensions" <<END
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = $names
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
openssl req -new -newkey rsa:3072 -noenc -keyout "$work/host.key" -subj "/CN=$name" -out "$work/host.csr" 2>/dev/null
openssl x509 -req -in "$work/host.csr" -CA winrm-ca.pem -CAkey winrm-ca.key ${CA_PASSPHRASE:+-passin env:CA_PASSPHRASE} \
    -sha256 -days 730 -extfile "$work/extensions" -out "$work/host.pem"
openssl verify -x509_strict -purpose sslserver -CAfile winrm-ca.pem "$work/host.pem" >/dev/null
# shellcheck disable=SC2086 # the ciphers are words of their own, or none
openssl pkcs12 -export $ciphers -inkey "$work/host.key" -in "$work/host.pem" -name "$name" \
    ${PFX_PASSPHRASE:+-passout env:PFX_PASSPHRASE} -out "$name.pfx"
printf '%s\n' "winrm-certificate: wrote $name.pfx for $names"
