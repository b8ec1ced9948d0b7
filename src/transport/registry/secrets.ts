/** Every secret that has been used with a registry, so that none is repeated in a message. */
export class Secrets {
  readonly #known = new Set<string>();

  add(...secrets: readonly string[]): void {
    // Very short ones would blank out ordinary words and say more than they hide.
    for (const secret of secrets) if (secret.length >= 4) this.#known.add(secret);
  }

  redact(text: string): string {
    let result = text;
    for (const secret of this.#known) result = result.replaceAll(secret, "[redacted]");
    return result.replace(/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, "$1 [redacted]");
  }
}
