/**
 * `pids.limit` as pids.max. Less than nothing lifts the limit. 0 is written as 1: neither lets the container's first
 * process fork, but into a group with 0 none can be made at all (clone3 fails), and systemd knows no 0 either.
 */
export function pidsMax(limit: number): number | "max" {
  return limit < 0 ? "max" : Math.max(limit, 1);
}
