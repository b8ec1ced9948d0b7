import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../support/index.ts";

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** An authority in a directory, made by openssl. */
export class Authority implements Disposable {
  readonly #scratch = temporaryDirectory("authority");
  readonly directory = this.#scratch.path;

  constructor() {
    this.openssl("req", "-x509", ...NEW_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority");
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  openssl(...words: readonly string[]): void {
    execFileSync("openssl", words, { cwd: this.directory, stdio: "ignore" });
  }

  /** Makes `NAME.pem` and `NAME.key`; signed by itself unless the authority signs. */
  make(file: string, commonName: string, alternatives = "DNS:localhost", signed = true): void {
    const subject = `/CN=${commonName}`;
    if (!signed) {
      this.openssl(
        "req",
        "-x509",
        ...NEW_KEY,
        "-keyout",
        `${file}.key`,
        "-out",
        `${file}.pem`,
        "-subj",
        subject,
      );
      return;
    }
    this.openssl("req", ...NEW_KEY, "-keyout", `${file}.key`, "-out", `${file}.csr`, "-subj", subject);
    writeFileSync(this.path("extensions"), `subjectAltName=${alternatives}\n`);
    const sign = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions"];
    this.openssl("x509", "-req", "-in", `${file}.csr`, "-out", `${file}.pem`, ...sign);
  }

  [Symbol.dispose](): void {
    this.#scratch[Symbol.dispose]();
  }
}
