/**
 * Annotations of a configuration that change how its container is set up; a trailing dot makes one a prefix.
 *
 * There are none. Annotations come from images and from whoever writes a pod, so they never decide about isolation:
 * what crun and runc take from `run.oci.*`, `org.systemd.property.*` and `org.criu.config` has options on the command
 * line here, or fields in config.json. A change to this list has to come with a switch that only the caller can set.
 */
export const UNSAFE_ANNOTATIONS: readonly string[] = [];
