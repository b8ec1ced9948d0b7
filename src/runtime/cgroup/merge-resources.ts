import type { RuntimeResources } from "../../spec/index.ts";

/** Elements of both lists by key; of two with one key the later one's fields count. */
function mergeBy<T>(key: (element: T) => string, before: readonly T[] = [], change: readonly T[] = []): T[] {
  const merged = new Map(before.map((element) => [key(element), element]));
  for (const element of change) merged.set(key(element), { ...merged.get(key(element)), ...element });
  return [...merged.values()];
}

const device = ({ major, minor }: { readonly major: number; readonly minor: number }) => `${major}:${minor}`;

const DEVICE_LISTS = [
  "throttleReadBpsDevice",
  "throttleWriteBpsDevice",
  "throttleReadIOPSDevice",
  "throttleWriteIOPSDevice",
] as const;

function mergeBlockIO(
  before: NonNullable<RuntimeResources["blockIO"]>,
  change: NonNullable<RuntimeResources["blockIO"]>,
): NonNullable<RuntimeResources["blockIO"]> {
  const lists = DEVICE_LISTS.filter((name) => before[name] !== undefined || change[name] !== undefined);
  const weights = before.weightDevice !== undefined || change.weightDevice !== undefined;
  return {
    ...before,
    ...change,
    ...(weights ? { weightDevice: mergeBy(device, before.weightDevice, change.weightDevice) } : {}),
    ...Object.fromEntries(lists.map((name) => [name, mergeBy(device, before[name], change[name])])),
  };
}

/**
 * Limits with a change laid over them. A setting that the change leaves out stays; lists are merged by what each
 * element is about, except device rules, which are replaced as a whole: their order means something.
 */
export function mergeResources(before: RuntimeResources, change: RuntimeResources): RuntimeResources {
  const merged = { ...before, ...change } as { -readonly [N in keyof RuntimeResources]: RuntimeResources[N] };
  for (const name of ["memory", "cpu", "pids"] as const) {
    if (change[name] !== undefined) Object.assign(merged, { [name]: { ...before[name], ...change[name] } });
  }
  if (change.blockIO !== undefined) merged.blockIO = mergeBlockIO(before.blockIO ?? {}, change.blockIO);
  if (change.hugepageLimits !== undefined) {
    merged.hugepageLimits = mergeBy(({ pageSize }) => pageSize, before.hugepageLimits, change.hugepageLimits);
  }
  if (change.network !== undefined) {
    const priorities = mergeBy(({ name }) => name, before.network?.priorities, change.network.priorities);
    merged.network = {
      ...before.network,
      ...change.network,
      ...(priorities.length > 0 ? { priorities } : {}),
    };
  }
  if (change.rdma !== undefined) merged.rdma = { ...before.rdma, ...change.rdma };
  if (change.unified !== undefined) merged.unified = { ...before.unified, ...change.unified };
  return merged;
}
