import type { Store } from "../../../content/index.ts";
import { uploadJournal } from "../../../image/index.ts";
import { CortenError } from "../../../spec/index.ts";
import type { UploadJournal } from "../../../transport/index.ts";
import { forgetfulJournal } from "../../../transport/index.ts";

/**
 * The journal of uploads in the store, which is opened when something is large enough to be gone on with. Where there can
 * be no store (a home that is read only), a copy goes on without: it is said once that nothing is remembered.
 */
export function keptUploads(open: () => Store, note: (text: string) => void): UploadJournal {
  let journal: UploadJournal | undefined;
  return {
    take(key, signal) {
      journal ??= journalIn(open, note);
      return journal.take(key, signal);
    },
  };
}

function journalIn(open: () => Store, note: (text: string) => void): UploadJournal {
  try {
    return uploadJournal(open());
  } catch (error) {
    if (!(error instanceof CortenError)) throw error;
    note(`Warning: an upload that is cut will begin anew, for it cannot be remembered: ${error.message}`);
    return forgetfulJournal;
  }
}
