import type { Descriptor, Manifest } from "./documents.ts";

/** What an artifact is in the words of people. */
interface ArtifactKind {
  /** `Signature`, `SBOM`, `Helm chart`; `Artifact` where the type tells nothing. */
  readonly name: string;
  /** Whose format it has, where there are several: `Sigstore`, `SPDX`. */
  readonly format?: string | undefined;
  /** The type itself. */
  readonly type: string;
}

/** By type, the first that matches: what an artifact says stands before how it is wrapped. */
const KINDS: ReadonlyArray<readonly [pattern: RegExp, name: string, format?: string]> = [
  [/spdx/, "SBOM", "SPDX"],
  [/cyclonedx/, "SBOM", "CycloneDX"],
  [/syft|\bsbom\b/, "SBOM"],
  [/openvex|csaf|\bvex\b/, "VEX statement"],
  [/sarif/, "Scan", "SARIF"],
  [/trivy/, "Scan", "Trivy"],
  [/vuln|security.*report/, "Scan"],
  [/slsa/, "Provenance", "SLSA"],
  [/helm\.chart\.provenance/, "Provenance", "Helm"],
  [/cosign\.artifact\.att/, "Attestation", "Sigstore"],
  [/in-toto|attestation|dsse/, "Attestation", "in-toto"],
  [/cncf\.notary/, "Signature", "Notary"],
  [/sigstore|cosign|simplesigning/, "Signature", "Sigstore"],
  [/pgp|gpg/, "Signature", "OpenPGP"],
  [/cncf\.helm/, "Helm chart"],
  [/cncf\.flux/, "Flux source"],
  [/openpolicyagent/, "Policy bundle"],
  [/wasm/, "WebAssembly module"],
  [/docker\.compose/, "Compose project"],
  [/devcontainers/, "Dev container feature"],
  [/buildkit\.cache/, "Build cache"],
  [/sylabs\.sif/, "Singularity image"],
  [/cncf\.model|docker\.ai|kitops/, "AI model"],
];
const BUNDLE = "dev.sigstore.bundle.";

/** What a manifest, a referrer or another entry of an index is. */
export function kindOf({ artifactType, mediaType, annotations }: Partial<Descriptor>): ArtifactKind {
  const type = artifactType ?? mediaType ?? "";
  const said = insideBundle(annotations) ?? type;
  const [, name = "Artifact", format] = KINDS.find(([pattern]) => pattern.test(said)) ?? [];
  return { name, format, type };
}

/** What a manifest itself is, when it is no image: artifacts of image-spec 1.0 have their type at the configuration. */
export function kindOfManifest({ artifactType, config, annotations }: Manifest): ArtifactKind {
  const type = artifactType ?? config?.mediaType;
  return kindOf({
    ...(type === undefined ? {} : { artifactType: type }),
    ...(annotations && { annotations }),
  });
}

/** A bundle's own type does not tell a signature from what else is signed; its annotations do. */
function insideBundle(annotations: Descriptor["annotations"]): string | undefined {
  const predicate = annotations?.[`${BUNDLE}predicateType`];
  if (predicate === undefined)
    return annotations?.[`${BUNDLE}content`] === "dsse-envelope" ? "dsse" : undefined;
  // cosign's signatures are statements as well; one about something else is an attestation at least.
  return predicate.includes("cosign/sign") ? "cosign" : `${predicate} dsse`;
}
