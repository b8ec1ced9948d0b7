import { readFileSync } from "node:fs";

/** The names that /etc/passwd gives a user of this machine, the first one first; none on a host without accounts. */
export function userNames(uid: number): string[] {
  let text: string;
  try {
    text = readFileSync("/etc/passwd", "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return text
    .split("\n")
    .map((line) => line.split(":"))
    .flatMap(([name = "", , id]) => (id === `${uid}` && name !== "" ? [name] : []));
}
