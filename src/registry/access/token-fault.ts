import { decodeJwt, errors } from "jose";
import { CortenError } from "../../spec/index.ts";

/** Longer ones are not looked at. */
export const MAX_TOKEN_LENGTH = 16 * 1024;

/** One refusal for whatever is wrong with a token: what exactly goes into the cause, for the log. */
export function wrongToken(cause?: unknown): CortenError {
  const expired = cause instanceof errors.JWTExpired;
  return new CortenError("unauthenticated", expired ? "the token has expired" : "the token is not valid", {
    cause,
  });
}

/** True when a token was judged; false when it could not be, as its keys were not to be had. */
export function isJudgement(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return false;
  return !["ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID", "ERR_JOSE_GENERIC"].includes(error.code);
}

/** The issuer that a token names. Nothing is verified: it decides only whose keys have to. */
export function claimedIssuer(token: string): string | undefined {
  if (token.length > MAX_TOKEN_LENGTH) throw wrongToken();
  try {
    return decodeJwt(token).iss;
  } catch (error) {
    throw wrongToken(error);
  }
}
