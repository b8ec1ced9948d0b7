import { CortenError } from "../../spec/index.ts";

/** oras's annotations of a directory that travels as a packed tar archive. */
export const UNPACK_ANNOTATION = "io.deis.oras.content.unpack";
export const UNPACKED_DIGEST_ANNOTATION = "io.deis.oras.content.digest";

/**
 * The path that a file of an artifact has below the directory that it is written to: its title
 * (`org.opencontainers.image.title`), or the name of an entry of a packed directory. Comes from whoever made the
 * artifact, so one that could lead elsewhere is refused (CVE-2021-21272).
 *
 * @param what what has the name, for the message
 * @throws invalid-argument
 */
export function checkTitle(title: string, what: string): string {
  const parts = title.replace(/\/+$/, "").split("/");
  const clean = parts.filter((part) => part !== "." && part !== "");
  const leadsOut = title.startsWith("/") || parts.includes("..") || clean.length === 0;
  // A backslash separates, and a colon names a drive or a stream, where Windows reads it.
  if (leadsOut || /[\0\\]/.test(title) || /^[A-Za-z]:/.test(title) || title.length > 4096) {
    throw new CortenError(
      "invalid-argument",
      `${what} has the name ${JSON.stringify(title.slice(0, 200))}, which leads out of the directory`,
      { hint: "the artifact is damaged or means harm" },
    );
  }
  return clean.join("/");
}
