import type { IncomingMessage, ServerResponse } from "node:http";

/** Answers requests outside `/v2/`: a web page, metrics. */
export interface Endpoint {
  /** False, without having touched the response, when the request is not its. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<boolean> | boolean;
}
