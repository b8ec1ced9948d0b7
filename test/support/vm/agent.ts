/**
 * The programs inside a virtual machine. The agent owns the serial console: it reads a script as lines of base64 ended
 * by a line with a dot, runs it, and answers with `<<STATUS`, lines of base64 with what it printed, and `>>`.
 */
export const AGENT = `#!/bin/sh
exec </dev/ttyS0 >/dev/ttyS0 2>/dev/null
stty raw -echo -onlcr opost 115200
printf '\\n<<ready\\n'
while :; do
	: > /run/vm-script.b64
	while IFS= read -r line; do
		[ "$line" = . ] && break
		printf '%s\\n' "$line" >> /run/vm-script.b64
	done
	base64 -d /run/vm-script.b64 > /run/vm-script
	/bin/sh /run/vm-script > /run/vm-out 2>&1 < /dev/null
	status=$?
	printf '<<%s\\n' "$status"
	base64 /run/vm-out
	printf '>>\\n'
done
`;

/** PID 1 where no systemd is asked for: file systems, one unified control group hierarchy, and the agent. */
export const PLAIN_INIT = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
mount -o ro LABEL=share /corten
hostname vm
# The root group alone may hold processes and hand controllers down; init keeps out of the way all the same.
mkdir /sys/fs/cgroup/init
echo $$ > /sys/fs/cgroup/init/cgroup.procs
while :; do /usr/sbin/vm-agent; done
`;

/** The agent as a service of systemd. Its control group is delegated: it makes containers. */
export const UNIT = `[Unit]
Description=Runs commands for tests
After=dbus.service systemd-logind.service multi-user.target

[Service]
ExecStartPre=/bin/sh -c 'mountpoint -q /corten || mount -o ro LABEL=share /corten'
ExecStart=/usr/sbin/vm-agent
Environment=PATH=/usr/sbin:/usr/bin:/sbin:/bin
Environment=HOME=/root
Delegate=yes
Restart=always
StandardOutput=null
`;

/** The first program of all, on the initramfs: loads the drivers of the disk and gives way to the disk's own init. */
export const FIRST_INIT = `#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in virtio_ring virtio virtio_mmio virtio_blk; do insmod /modules/$module.ko; done
read -r line < /proc/cmdline
init=/usr/sbin/vm-init
for word in $line; do case $word in vm.init=*) init=\${word#vm.init=};; esac; done
tries=0
until mount -t ext4 LABEL=root /root 2>/dev/null; do
	tries=$((tries + 1))
	[ $tries -gt 100 ] && { echo 'no root disk'; poweroff -f; }
	sleep 0.05
done
umount /proc
mount --move /dev /root/dev
exec switch_root /root $init
`;
