const ADJECTIVES = (
  "able ample amber aware azure blithe bold brave brisk calm candid civil clever coastal crisp deft eager early " +
  "earnest even fair fleet fond frank gentle glad golden hardy honest humble jolly keen kind level lively loyal " +
  "lucid mellow merry mighty modest noble patient placid plucky polite prompt proud quick quiet rapid ready robust " +
  "serene sharp silver sincere smooth sober solid spry stable stately staunch steady sturdy subtle sunny swift " +
  "tidy tireless trim true upbeat valiant vivid warm wise witty zesty"
).split(" ");

const NOUNS = (
  "albatross anchor anvil barge bay beacon bollard bosun breeze bridge buoy capstan captain cargo compass cormorant " +
  "crane current davit deck delta derrick dock dolphin estuary ferry fjord forge freighter galley gangway gantry " +
  "girder gull gunwale halyard harbor hatch hawser heron hoist hull ingot island jetty keel kelp lagoon lantern " +
  "lighthouse lock mariner mast mooring narrows navigator osprey packet pelican pier pilot pontoon port puffin quay " +
  "rigging rivet rudder sailor schooner seal sextant shipwright shoal skiff slipway sloop smelter sound spar " +
  "starboard steamer stern stevedore strait tanker tern tide tiller trawler tugboat turbine wharf winch windlass"
).split(" ");

/** A name people can say, `adjective_noun`. The caller makes sure that it is free, and asks again when not. */
export function generateName(random: () => number = Math.random): string {
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]!;
  return `${pick(ADJECTIVES)}_${pick(NOUNS)}`;
}

/** Docker's rule for names of containers and volumes. */
export function isName(text: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(text);
}

/** A new container ID: 64 hex digits. */
export function generateId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
