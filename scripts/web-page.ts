import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bun, capture, root } from "./repository.ts";

/**
 * The registry's web page as one module: its files as text, the scripts bundled. So the page is in the
 * executable and in the package without a build step of the reader's own.
 */
export function generateWebPage(): string {
  const page = join(root, "src/registry/web/page");
  const bundle = capture(bun, ["build", join(page, "main.ts"), "--target=browser", "--minify"]);
  if (bundle.exitCode !== 0) throw new Error(`the web page's scripts cannot be bundled: ${bundle.stderr}`);
  const style = readFileSync(join(page, "style.css"), "utf8");
  const files = {
    "index.html": readFileSync(join(page, "index.html"), "utf8"),
    "main.js": bundle.stdout.trimEnd(),
    "style.css": style,
    "icon.svg": readFileSync(join(page, "icon.svg"), "utf8").trimEnd(),
  };
  const entries = Object.entries(files).map(([name, text]) => `  "${name}": ${JSON.stringify(text)},\n`);
  return `// Made from page/ by \`npm run generate\`.\nexport const webPageFiles = {\n${entries.join("")}} as const;\n`;
}
