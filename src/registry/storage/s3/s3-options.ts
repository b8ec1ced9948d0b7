/** A key pair for a bucket, with the session token that goes with a temporary one. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where a bucket is, and how it is entered. */
export interface S3Options {
  /** Address of the service: `https://s3.eu-central-1.amazonaws.com`, `http://127.0.0.1:8333`. */
  readonly endpoint: string;
  readonly bucket: string;
  /** The region that requests are signed for. Default: `us-east-1`, which other services than Amazon's accept. */
  readonly region?: string;
  /** What every key begins with, such as `registry/`. Default: nothing. */
  readonly prefix?: string;
  /** The bucket is the first part of the path, not of the host name. Default: true. */
  readonly pathStyle?: boolean;
  /** Asked before each request, so that keys can change; keep them until they expire. */
  readonly credentials: S3Credentials | (() => Promise<S3Credentials>);
  /** Certificates to trust instead of the system's, in PEM. */
  readonly ca?: string;
  /** Tries of a request that failed in a way that may pass. Default: 5. */
  readonly attempts?: number;
  /** Pause before the second try in milliseconds; it doubles with each further one. Default: 200. */
  readonly backoff?: number;
  /** Longest that a request without a body waits for its answer, all tries together, in milliseconds. Default: 20000. */
  readonly budget?: number;
  /** Longest silence of a connection while a body passes through it, either way, in milliseconds. Default: 30000. */
  readonly idleTimeout?: number;
  /** Bytes of a part of a multipart upload, 5 MiB (S3's least) to 512 MiB. Default: 8 MiB. */
  readonly partSize?: number;
}
