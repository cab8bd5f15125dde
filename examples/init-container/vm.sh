#!/bin/sh
# Runs a proxy with the traffic of this machine captured, and leaves the machine as it was.
# usage: sudo sh vm.sh PROXY-COMMAND...
set -eu

# Ports 22 and 15021 are left alone, so that nobody is locked out and health checks are answered.
rules() {
  weft-iptables "$1" --compat=fixed -u "$(id -u proxy)" -b '*' -d 22,15021 -i 10.0.0.0/8
}

trap 'weft-iptables clean' EXIT
trap 'exit 130' INT TERM

rules istio-iptables
rules verify
setpriv --reuid proxy --regid proxy --clear-groups -- "$@"
