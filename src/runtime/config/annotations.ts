/**
 * Annotations of a configuration that change how its container is set up; a trailing dot makes one a prefix.
 *
 * Annotations come from images and from whoever writes a pod, so they never decide about isolation: what crun and runc
 * take from `run.oci.*` and `org.criu.config` has options on the command line here, or fields in config.json.
 * `org.systemd.property.*` counts only where the caller asks for `--systemd-cgroup`, is about the unit alone, and never
 * about its devices, processes, slice or delegation. A change to this list has to come with a switch that only the
 * caller can set.
 */
export const UNSAFE_ANNOTATIONS: readonly string[] = ["org.systemd.property."];
