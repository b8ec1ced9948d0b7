/**
 * How a container's root file system comes to be. It is assembled by the plan inside the container's own
 * mount namespace, so the host's mount table never shows any of it.
 */
export type RootRecipe = DirectoryRoot | LayeredRoot;

/** A directory of the host, as a bundle has it. */
export interface DirectoryRoot {
  readonly kind: "directory";
  /** Absolute. */
  readonly path: string;
}

/** Layers, lowest first, with overlay where there is more than one thing to stack. */
export interface LayeredRoot {
  readonly kind: "layers";
  readonly layers: readonly RootLayer[];
  readonly upper: RootUpper;
  /**
   * A directory (0700, not the container's own) below which the mount namespace is pinned where EROFS images are mounted
   * once for all containers. Without it this container mounts its own, and caches them for itself.
   */
  readonly shared?: string;
}

export type RootLayer =
  /** A file that holds an EROFS image. */
  | {
      readonly kind: "erofs";
      readonly file: string;
      /** A second file, with the content: then the image is an index of it (Linux 6.12). */
      readonly archive?: string | undefined;
    }
  /** A directory of the host; "/" for a throw-away overlay over the host's own files. */
  | { readonly kind: "directory"; readonly path: string };

export type RootUpper =
  /** Two directories of one file system (not an overlay), kept. */
  | {
      readonly kind: "directory";
      readonly upper: string;
      readonly work: string;
      /**
       * Nothing is flushed to the disk when the container ends, which otherwise takes up to seconds. After a crash of
       * the machine the two directories are useless, and `work` cannot be mounted a second time.
       */
      readonly volatile?: boolean;
    }
  /** Lives in memory and ends with the container. */
  | { readonly kind: "tmpfs"; readonly sizeBytes?: number }
  /** The root cannot be written. */
  | { readonly kind: "none" };
