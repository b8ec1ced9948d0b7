import type { RuntimeSeccompArgument } from "../../spec/index.ts";

/**
 * Calls that programs for i386 can also make through one that takes the number of the call as its first argument: without
 * these rules a profile that denies `socket` could be passed by socketcall(SYS_SOCKET, …).
 */
const SOCKETCALL =
  "socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg";
const IPC: Readonly<Record<string, number>> = {
  semop: 1,
  semget: 2,
  semctl: 3,
  semtimedop: 4,
  msgsnd: 11,
  msgrcv: 12,
  msgget: 13,
  msgctl: 14,
  shmat: 21,
  shmdt: 22,
  shmget: 23,
  shmctl: 24,
};

type Way = { readonly name: string; readonly number: number };
const WAYS: ReadonlyMap<string, Way> = new Map([
  ...SOCKETCALL.split(" ").map((name, at): [string, Way] => [name, { name: "socketcall", number: at + 1 }]),
  ...Object.entries(IPC).map(([name, number]): [string, Way] => [name, { name: "ipc", number }]),
]);

/** A call as a rule for another call. */
export interface Detour {
  readonly name: string;
  readonly args: readonly RuntimeSeccompArgument[];
}

/**
 * The other way to make a call on i386. The call's own arguments are in memory then, where a filter cannot look: a
 * condition on the first gives way to the number of the call, and those on others are compared with what is there
 * instead, as libseccomp has it.
 */
export function detourOf(name: string, args: readonly RuntimeSeccompArgument[]): Detour | undefined {
  const way = WAYS.get(name);
  if (way === undefined) return undefined;
  const first: RuntimeSeccompArgument = { index: 0, value: way.number, op: "SCMP_CMP_EQ" };
  return { name: way.name, args: [first, ...args.filter(({ index }) => index !== 0)] };
}
