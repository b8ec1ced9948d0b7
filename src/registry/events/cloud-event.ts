import type { RegistryEvent } from "./registry-event.ts";

/** A CloudEvent of version 1.0 in its JSON format (github.com/cloudevents/spec, "JSON Event Format"). */
export interface CloudEvent {
  readonly specversion: "1.0";
  readonly id: string;
  /** The registry, as it was named to this server. */
  readonly source: string;
  /** `dev.corten.registry.manifest.pushed` and so on. */
  readonly type: string;
  /** The image: `team/app:1.0`, or with its digest where no tag or more than one is concerned. */
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: RegistryEvent;
}

export const CLOUD_EVENT_TYPE = "application/cloudevents+json; charset=utf-8";

/** @param time milliseconds since 1970 */
export function toCloudEvent(
  event: RegistryEvent,
  { id, source, time }: { readonly id: string; readonly source: string; readonly time: number },
): CloudEvent {
  const { repository, digest, tags = [] } = event;
  return {
    specversion: "1.0",
    id,
    source,
    type: `dev.corten.registry.${event.kind.replace("-", ".")}`,
    subject: tags.length === 1 ? `${repository}:${tags[0]}` : `${repository}@${digest}`,
    time: new Date(time).toISOString(),
    datacontenttype: "application/json",
    data: event,
  };
}
