#!/usr/bin/env bash
# Runs a command as an ordinary user with a systemd of its own, inside systemd-pid1 of
# ../shared/testenv, where the user is gone with everything else afterwards:
#
#   systemd-pid1 as_ordinary_user.sh COMMAND...
#
# Such a systemd may make no namespaces, and has only the control groups that it was given.
set -euo pipefail
user=mcpgw-tester
PATH=$PATH:/usr/sbin:/sbin useradd --create-home --groups systemd-journal "$user"
id=$(id -u "$user")
systemctl start "user@$id.service"
export XDG_RUNTIME_DIR=/run/user/$id DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$id/bus
# What root has on its PATH, others may not be allowed to look into.
export HOME=/home/$user PATH=/usr/local/bin:/usr/bin:/bin
exec setpriv --reuid "$id" --regid "$id" --init-groups "$@"
