import { CortenError } from "../../spec/index.ts";

/** Too much was asked for: a 429 whose Retry-After says when to come again. */
export class RetryLater extends CortenError {
  /** Whole seconds, at least 1. */
  readonly retryAfter: number;

  constructor(message: string, seconds: number) {
    const retryAfter = Math.max(1, Math.ceil(seconds));
    super("resource-exhausted", message, { hint: `try again in ${retryAfter} s`, retryable: true });
    this.retryAfter = retryAfter;
  }
}
