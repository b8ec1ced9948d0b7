import type { IncomingMessage } from "node:http";
import { CortenError } from "../../spec/index.ts";
import type { BasicCredentials } from "./basic-credentials.ts";
import { type CertificateName, certificateName } from "./client-certificate.ts";
import type { ExternalIssuer } from "./external-issuer.ts";
import type { LocalGroups } from "./local-groups.ts";
import type { Bearer } from "./own-tokens.ts";
import type { PasswordFile } from "./password-file.ts";
import type { Subject } from "./policies.ts";
import { claimedIssuer, wrongToken } from "./token-fault.ts";

/**
 * The user name under which a token of an external issuer is given as password: clients that only know Basic can
 * log in with it. Other registries use this name for the same.
 */
export const TOKEN_USER = "oauth2accesstoken";

/** Options of {@link Logins}. */
export interface LoginsOptions {
  readonly passwords: PasswordFile | undefined;
  readonly issuers: readonly ExternalIssuer[];
  /** Absent when client certificates are not looked at. */
  readonly certificates: readonly CertificateName[] | undefined;
  readonly groups: LocalGroups;
}

/** The ways to prove who one is, apart from the registry's own tokens. */
export class Logins {
  readonly #options: LoginsOptions;

  constructor(options: LoginsOptions) {
    this.#options = options;
  }

  /** True when there is something that a client could send in an Authorization header. */
  get takesCredentials(): boolean {
    return this.#options.passwords !== undefined || this.#options.issuers.length > 0;
  }

  /** Who asks without an Authorization header: the owner of the client certificate, or nobody. */
  withoutCredentials(request: IncomingMessage): Bearer {
    const { certificates } = this.#options;
    const name = certificates === undefined ? undefined : certificateName(request, certificates);
    return name === undefined
      ? { proof: "anonymous", groups: [] }
      : { name, proof: "certificate", groups: [] };
  }

  /** @throws unauthenticated, or resource-exhausted after too many wrong passwords */
  async withPassword(credentials: BasicCredentials, address: string): Promise<Bearer> {
    const { passwords, issuers } = this.#options;
    if (credentials.name === TOKEN_USER && issuers.length > 0) return this.withToken(credentials.password);
    if (passwords === undefined) throw new CortenError("unauthenticated", "no passwords are accepted here");
    await passwords.verify(credentials, address);
    const account = await passwords.fingerprint(credentials.name);
    if (account === undefined) throw new CortenError("unauthenticated", "wrong user name or password");
    return { name: credentials.name, proof: "password", groups: [], account };
  }

  /** @throws unauthenticated, or unavailable when the issuer's keys are not to be had */
  async withToken(token: string): Promise<Bearer> {
    const { identity, expires } = await this.issuerNamed(claimedIssuer(token)).identify(token);
    const { grantsDecide, ...bearer } = identity;
    // Policies are asked for own tokens; what stands beside them decides for the external token alone.
    if (grantsDecide === true) throw wrongToken("a token whose grants decide is no login");
    return { ...bearer, proof: "issuer", expires };
  }

  /** The issuer of that name. */
  issuerNamed(name: string | undefined): ExternalIssuer {
    const found = this.#options.issuers.find(({ issuer }) => issuer === name);
    if (found === undefined) throw wrongToken(`no issuer is known by the name ${name}`);
    return found;
  }

  /**
   * Who the bearer of an own token is now. Whoever was removed, disabled or got another password since has lost the
   * token with it; certificates and external logins are short-lived themselves.
   *
   * @throws unauthenticated
   */
  async subject({ name, proof, groups, account }: Bearer): Promise<Subject> {
    if (name === undefined) return { groups: [] };
    if (proof === "password") {
      const now = await this.#options.passwords?.fingerprint(name);
      if (now === undefined || now !== account) throw wrongToken("the account has changed");
    }
    return { name, groups: [...groups, ...this.#options.groups.of(name)] };
  }
}
