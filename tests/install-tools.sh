#!/bin/sh
# Installs the programs the tests use: Postfix, OpenDKIM, OpenLDAP, NSD, and other people's decoders;
# unpacks Sendmail and the checkers of HylaFAX; puts a validator of PDF/A in an environment of Python. Does nothing
# when all are there. Debian and Ubuntu; elsewhere says what to install.
set -eu

# command and the Debian package it is in
tools='postfix=postfix ffmpeg=ffmpeg sox=sox tiffinfo=libtiff-tools pdftotext=poppler-utils
gs=ghostscript mutool=mupdf-tools qpdf=qpdf gcc=gcc chromium=chromium opendkim=opendkim
opendkim-genkey=opendkim-tools m4=m4 unshare=util-linux hostname=hostname
slapd=slapd ldapadd=ldap-utils nsd=nsd python3=python3'
# Debian's packages of Postfix and Sendmail exclude each other, so Sendmail is unpacked here.
sendmail=${VPIM_SENDMAIL_TREE:-/opt/vpim-milter-tests/sendmail}
# HylaFAX's packages set up a fax server; only two programs of them are wanted.
hylafax=${VPIM_HYLAFAX_TREE:-/opt/vpim-milter-tests/hylafax}
pdfa=${VPIM_PDFA_ENVIRONMENT:-/opt/vpim-milter-tests/pdfa}

PATH=$PATH:/usr/sbin:/sbin
packages=
for tool in $tools; do
    command -v "${tool%%=*}" >/dev/null 2>&1 || packages="$packages ${tool#*=}"
done
has_sendmail() { [ -x "$sendmail/sendmail" ]; }
has_hylafax() { [ -x "$hylafax/usr/lib/hylafax/bin/tiffcheck" ] && [ -x "$hylafax/usr/lib/hylafax/bin/faxinfo" ]; }
has_pdfa() { "$pdfa/bin/python3" -c 'import page' 2>/dev/null; }
[ -n "$packages" ] || ! has_sendmail || ! has_hylafax || ! has_pdfa || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "install-tools.sh: no apt-get here; install these with your system's package manager:$packages" >&2
    exit 1
fi

as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
apt() {
    # Waits for another package manager instead of failing.
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >/dev/null
}

debs=
policy=
clean() {
    [ -z "$debs" ] || rm -rf "$debs"
    [ -z "$policy" ] || $as_root rm -f "$policy"
}
trap clean EXIT

apt update
case $packages in *postfix*)
    # Nothing is configured and nothing starts: every test runs a private Postfix.
    command -v debconf-set-selections >/dev/null 2>&1 || apt install -y --no-install-recommends debconf
    echo 'postfix postfix/main_mailer_type select No configuration' | $as_root debconf-set-selections ;;
esac
case $packages in *slapd*)
    command -v debconf-set-selections >/dev/null 2>&1 || apt install -y --no-install-recommends debconf
    echo 'slapd slapd/no_configuration boolean true' | $as_root debconf-set-selections ;;
esac
# No service starts with its package: every test runs a private one.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
fi
# The list is words on purpose.
# shellcheck disable=SC2086
[ -z "$packages" ] || apt install -y --no-install-recommends $packages

# Downloads packages and unpacks them into a folder, which comes first.
unpack() {
    tree=$1
    shift
    debs=$(mktemp -d)
    (cd "$debs" && apt-get -qq download "$@")
    $as_root mkdir -p "$tree"
    for deb in "$debs"/*.deb; do
        $as_root dpkg-deb -x "$deb" "$tree"
    done
    rm -rf "$debs"
    debs=
}

has_hylafax || unpack "$hylafax" hylafax-client hylafax-server

if ! has_pdfa; then
    # Some systems have the module that makes environments in a package of its own.
    $as_root python3 -m venv "$pdfa" >/dev/null 2>&1 || {
        apt install -y --no-install-recommends python3-venv
        $as_root python3 -m venv "$pdfa"
    }
    # It is no package of the system, so where it cannot be had the tests do without it, and say so.
    $as_root "$pdfa/bin/pip" -q --disable-pip-version-check install page-validation==0.11.0 || {
        echo "install-tools.sh: no validator of PDF/A (page-validation), the test with it is skipped" >&2
        $as_root rm -rf "$pdfa"
    }
fi

! has_sendmail || exit 0
# What its binary is linked with, under the names of this release.
libraries=
for names in libwrap0 liblockfile1 libnsl2 libsasl2-2 'libldap-2.5-0 libldap2' 'libdb5.3 libdb5.3t64'; do
    for name in $names; do
        if apt-cache show "$name" >/dev/null 2>&1; then
            libraries="$libraries $name"
            break
        fi
    done
done
# shellcheck disable=SC2086
apt install -y --no-install-recommends $libraries
unpack "$sendmail" sendmail-bin sendmail-base sendmail-cf
# Without the setgid bit, which a daemon of root with a queue of its own does not need.
$as_root install -m 755 "$sendmail/usr/libexec/sendmail/sendmail" "$sendmail/sendmail"
