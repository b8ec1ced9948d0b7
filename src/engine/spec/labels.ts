/**
 * Labels by which engines and their tools steer containers: restart them, log through a program, update, or take them for
 * their own. In an image they were written by whoever built it (CVE-2026-53488, CVE-2026-121885), so a container gets
 * them from its user alone.
 */
const RESERVED = [
  "containerd.io/",
  "io.containerd.",
  "io.containers.",
  "io.podman.",
  "io.kubernetes.",
  "io.cri-containerd.",
  "io.cri-o.",
  "org.criu.checkpoint.",
  "org.systemd.property.",
  "run.oci.",
] as const;

type Labels = Readonly<Record<string, string>>;

/** The labels of a container: the image's, without those that are reserved, and the user's, which win. */
export function containerLabels(image: Labels | undefined, user: Labels | undefined): Labels {
  const own = Object.entries(image ?? {}).filter(
    ([name]) => !RESERVED.some((prefix) => name.startsWith(prefix)),
  );
  return { ...Object.fromEntries(own), ...user };
}
