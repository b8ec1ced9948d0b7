import type { Conversion, ImagePlace } from "../../../image/index.ts";
import { copyTo, openImageSource, Workbench } from "../../../image/index.ts";
import type { ImageSource } from "../../../transport/index.ts";
import type { Values } from "../../command/option.ts";
import { print } from "../../terminal/stream.ts";
import { showTransfer } from "../images/transfer-progress.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { derivingOptions } from "../table/image-tools.ts";
import { accessOf, registryAccess } from "../transfer/access.ts";
import { keptUploads } from "../transfer/kept-uploads.ts";
import { imagePlaceOf, LazyStore } from "./places.ts";

type DerivingCall = Pick<CortenCall, "globals" | "args"> & {
  readonly options: Values<typeof derivingOptions>;
};

/** What a change of an image has to work with. */
export interface Derivation {
  readonly source: ImageSource;
  readonly bench: Workbench;
  /** Opens another image to read from, in the way of the source. */
  readonly open: (text: string) => Promise<{ readonly place: ImagePlace; readonly source: ImageSource }>;
  readonly signal: AbortSignal;
}

/** Reads the image of the first argument, writes what `derive` makes of it to the second, prints the digest. */
export async function writeDerived(
  call: DerivingCall,
  derive: (derivation: Derivation) => Promise<ImageSource>,
  convert: Conversion = {},
): Promise<number> {
  const { options, args } = call;
  const [from, to] = args.map(imagePlaceOf);
  using store = new LazyStore(call);
  const progress = await showTransfer(options.quiet, "copy");
  try {
    const { descriptor } = await interruptible(async (signal) => {
      await using opened = new AsyncDisposableStack();
      const reading = {
        store: store.open,
        registry: registryAccess(accessOf(options, "src"), progress.note),
        signal,
      };
      const bench = opened.use(new Workbench());
      const open = async (text: string) => {
        const place = imagePlaceOf(text);
        return { place, source: opened.use(await openImageSource(place, reading)) };
      };
      const source = opened.use(await openImageSource(from!, reading));
      const derived = await derive({ source, bench, open, signal });
      return await copyTo(derived, to!, {
        signal,
        multiArch: "all",
        convert,
        additionalNames: options.tag,
        onProgress: progress.onProgress,
        destination: {
          store: store.open,
          registry: {
            ...registryAccess(accessOf(options, "dest"), progress.note),
            uploads: keptUploads(store.open, progress.note),
          },
        },
      });
    });
    progress.finish();
    print(descriptor.digest);
    return 0;
  } finally {
    progress.finish();
  }
}
