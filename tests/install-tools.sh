#!/bin/sh
# Installs the programs the tests use: Postfix, and other people's decoders to compare with.
# Does nothing when all are there. Debian and Ubuntu; elsewhere says what to install.
set -eu

# command and the Debian package it is in
tools='postfix=postfix ffmpeg=ffmpeg sox=sox tiffinfo=libtiff-tools pdftotext=poppler-utils
gs=ghostscript mutool=mupdf-tools qpdf=qpdf gcc=gcc chromium=chromium'

PATH=$PATH:/usr/sbin:/sbin
packages=
for tool in $tools; do
    command -v "${tool%%=*}" >/dev/null 2>&1 || packages="$packages ${tool#*=}"
done
[ -n "$packages" ] || exit 0

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

apt update
case $packages in *postfix*)
    # Nothing is configured and nothing starts: every test runs a private Postfix.
    command -v debconf-set-selections >/dev/null 2>&1 || apt install -y --no-install-recommends debconf
    echo 'postfix postfix/main_mailer_type select No configuration' | $as_root debconf-set-selections ;;
esac
# The list is words on purpose.
# shellcheck disable=SC2086
apt install -y --no-install-recommends $packages
