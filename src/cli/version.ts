import manifest from "../../package.json" with { type: "json" };

/** The release, as package.json has it. */
export const version: string = manifest.version;

/** The newest version of the runtime specification that config.json may be written for. */
export const runtimeSpecVersion = "1.3.0";
