/** Virtual machines for tests that need a kernel of their own: cgroup v2 with its controllers, systemd as PID 1. */
export { makeShare } from "./share.ts";
export type { VirtualMachine, VirtualMachineOptions } from "./virtual-machine.ts";
export { startVirtualMachine } from "./virtual-machine.ts";
