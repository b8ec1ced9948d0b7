import type { RequestListener } from "node:http";
import type { PullThrough } from "../proxy/pull-through.ts";
import { recordAccess } from "./access-record.ts";
import { deleteBlob, getBlob } from "./blobs.ts";
import { listRepositories } from "./catalog.ts";
import { DistributionError, refusalOf } from "./distribution-error.ts";
import { Exchange, type Service } from "./exchange.ts";
import { deleteManifest, getManifest, putManifest } from "./manifests.ts";
import { RateLimit } from "./rate-limit.ts";
import { listReferrers } from "./referrers.ts";
import { parseRoute, type Route } from "./route.ts";
import { isSearchPath, search } from "./search.ts";
import { listTags } from "./tags.ts";
import { deleteUpload, getUpload, patchUpload, postUpload, putUpload } from "./uploads.ts";

/** The request listener of a registry. */
export function createHandler(service: Service): RequestListener {
  const rate = new RateLimit(service.limits.requestsPerSecond);
  return (request, response) => {
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const exchange = new Exchange(service, request, response, mark < 0 ? "" : url.slice(mark + 1));
    if (service.options.onAccess !== undefined) recordAccess(exchange, path);
    // A broken connection shows where the body is read or written; without a listener it ends the process.
    request.on("error", ignore);
    response.on("error", ignore);
    answer(exchange, path, rate).catch((error: unknown) => refuse(exchange, path, error));
  };
}

function ignore(): void {
  // See above.
}

async function answer(exchange: Exchange, path: string, rate: RateLimit): Promise<void> {
  const { service, response } = exchange;
  if (!path.startsWith("/v2/")) {
    if (path === "/v2") {
      exchange.empty(301, { Location: "/v2/" });
      return;
    }
    if (isSearchPath(path)) {
      await admit(exchange, rate);
      await search(exchange, path);
    } else await answerOther(exchange, path);
    return;
  }
  await admit(exchange, rate);
  const named = parseRoute(path);
  if (named === undefined)
    throw new DistributionError("NAME_UNKNOWN", "the path names nothing in a registry");
  const route = service.proxy === undefined ? named : located(exchange, named, service.proxy);
  await dispatch(exchange, route);
  if (!response.writableEnded && !response.destroyed) response.end();
}

/** Finds out who asks, and counts the request. */
async function admit(exchange: Exchange, rate: RateLimit): Promise<void> {
  const { access } = exchange.service;
  if (access !== undefined) exchange.identity = await access.identify(exchange.request);
  rate.count(exchange.identity.name ?? exchange.address);
}

/**
 * Finds where the content of a repository is here, which may be a copy of another registry's: by `ns`, by the first
 * component of its name, or because all other names are an upstream's (distribution-spec, "Registry Proxying").
 */
function located(exchange: Exchange, route: Route, proxy: PullThrough): Route {
  if (!("repository" in route)) return route;
  const repository = proxy.locate(route.repository, exchange.parameter("ns"));
  exchange.origin = proxy.origin(repository);
  return repository === route.repository ? route : { ...route, repository };
}

async function answerOther(exchange: Exchange, path: string): Promise<void> {
  const { service, request, response } = exchange;
  if (await service.access?.serve?.(request, response)) return;
  for (const endpoint of service.options.endpoints ?? []) {
    if (await endpoint.serve(request, response)) return;
  }
  exchange.json(
    404,
    {},
    { errors: [{ code: "UNSUPPORTED", message: `there is nothing at ${path.slice(0, 200)}` }] },
  );
}

function dispatch(exchange: Exchange, route: Route): Promise<void> | void {
  const { method } = exchange;
  switch (route.kind) {
    case "root":
      if (method === "GET" || method === "HEAD") return root(exchange);
      break;
    case "catalog":
      if (method === "GET") return listRepositories(exchange);
      break;
    case "blob":
      if (method === "GET" || method === "HEAD") return getBlob(exchange, route.repository, route.digest);
      if (method === "DELETE" && deletes(exchange))
        return deleteBlob(exchange, route.repository, route.digest);
      break;
    case "manifest":
      if (method === "GET" || method === "HEAD")
        return getManifest(exchange, route.repository, route.reference);
      if (method === "PUT") return putManifest(exchange, route.repository, route.reference);
      if (method === "DELETE" && deletes(exchange))
        return deleteManifest(exchange, route.repository, route.reference);
      break;
    case "uploads":
      if (method === "POST") return postUpload(exchange, route.repository);
      break;
    case "upload":
      if (method === "PATCH") return patchUpload(exchange, route.repository, route.id);
      if (method === "PUT") return putUpload(exchange, route.repository, route.id);
      if (method === "GET" || method === "HEAD") return getUpload(exchange, route.repository, route.id);
      if (method === "DELETE") return deleteUpload(exchange, route.repository, route.id);
      break;
    case "tags":
      if (method === "GET") return listTags(exchange, route.repository);
      break;
    case "referrers":
      if (method === "GET") return listReferrers(exchange, route.repository, route.digest);
      break;
  }
  throw new DistributionError("UNSUPPORTED", `${method.slice(0, 20)} is not supported here`);
}

function deletes({ service }: Exchange): boolean {
  return service.options.deletes ?? true;
}

/** GET /v2/ (end-1): also how clients find out how to authenticate. */
function root(exchange: Exchange): void {
  exchange.checkWelcome();
  exchange.json(200, {}, {});
}

/** Answers with an error, or cuts the connection when an answer has begun. */
function refuse(exchange: Exchange, path: string, error: unknown): void {
  const { request, response, service } = exchange;
  if (response.destroyed) return; // the client has gone
  const refusal = refusalOf(error);
  if (refusal.status >= 500) service.options.onFailure?.(error, { method: exchange.method, path });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const headers: Record<string, string> = { ...refusal.headers };
  if (refusal.status === 401 && headers["WWW-Authenticate"] === undefined && service.access !== undefined) {
    headers["WWW-Authenticate"] = service.access.challenge(request);
  }
  // What is left of the body is not wanted: reading it all to keep the connection could take forever.
  if (!request.complete) headers["Connection"] = "close";
  const { distributionCode: code, message, detail } = refusal;
  const entry = detail === undefined ? { code, message } : { code, message, detail };
  exchange.json(refusal.status, headers, { errors: [entry] });
}
