#!/bin/sh
# The guest's first process: makes a small machine, runs the suites, reports, and ends by a reboot, which ends qemu.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root LANG=C.UTF-8 RUST_BACKTRACE=0 PROPTEST_CASES=4
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t bpf bpf /sys/fs/bpf
ip link set lo up
# Elsewhere the device file is there before the module, and has it loaded.
modprobe tun
say() { echo "netsplit-guest: $*"; }
say up "$(cut -d' ' -f1 /proc/uptime)" "$(uname -r)"
while read -r suite arguments; do
    say begin "$suite"
    # shellcheck disable=SC2086 # the arguments are words
    /suites/"$suite" --test-threads=1 $arguments
    say end "$suite" $? "$(cut -d' ' -f1 /proc/uptime)"
done </suites/list
say done
echo b >/proc/sysrq-trigger
