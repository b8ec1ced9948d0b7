import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A self-signed certificate for `name` (`IP:127.0.0.1`, `DNS:host`), valid for two days, and its file. */
export function selfSigned(name: string): { key: string; cert: string; path: string } {
  const directory = mkdtempSync(join(tmpdir(), "corten-certificate-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const [key, path] = ["key.pem", "cert.pem"].map((file) => join(directory, file)) as [string, string];
  const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test";
  const options = ["-keyout", key, "-out", path, "-addext", `subjectAltName=${name}`];
  execFileSync("openssl", [...request.split(" "), ...options], { stdio: "ignore" });
  return { key: readFileSync(key, "utf8"), cert: readFileSync(path, "utf8"), path };
}
