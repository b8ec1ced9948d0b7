/**
 * Remembers uploads between processes: one that was cut is gone on with, and of several that push one blob to one
 * repository at the same time only one sends it. The image room keeps one in its store (`uploadJournal`).
 */
export interface UploadJournal {
  /**
   * Takes the upload named `key` (one blob to one repository), waiting while another task or process has it.
   * Let go of it with `using`.
   */
  take(key: string, signal?: AbortSignal): Promise<UploadEntry>;
}

/** One upload, held by this task alone. */
export interface UploadEntry extends Disposable {
  /** The session's URL that an earlier upload left. It is a secret: who has it may write to it. */
  readonly location: string | undefined;
  /** True when another upload of the blob was waited for: it may be there now. */
  readonly waited: boolean;
  remember(location: string): void;
  /** The upload has come to its end. */
  forget(): void;
  /** Shows that the work goes on. */
  renew(): void;
}

/** For who keeps no journal: the upload is not remembered beyond the call. */
export const forgetfulJournal: UploadJournal = {
  async take() {
    return {
      location: undefined,
      waited: false,
      remember() {},
      forget() {},
      renew() {},
      [Symbol.dispose]() {},
    };
  },
};
