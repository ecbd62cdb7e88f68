/**
 * Builds one self-contained bundle a widget: src/NAME/index.js -> fclab_widgets/static/NAME.js.
 *
 *     node build.mjs            write the bundles
 *     node build.mjs --check    build in memory and fail where a committed bundle differs or is too large
 *
 * Only people who change the browser side need Node; the bundles are committed. A `.css` file that a module imports becomes a
 * minified string, so a widget stays one file.
 */
import { build, transform } from "esbuild";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const WIDGETS = ["timeline", "call_chain", "prediction", "panel"];
const MOST_BYTES = 38_000;
const here = dirname(fileURLToPath(import.meta.url));
const check = process.argv.includes("--check");

/** Imports a style sheet as a minified string. @type {import("esbuild").Plugin} */
const styleText = {
  name: "style-text",
  setup(made) {
    made.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

let bad = 0;
for (const name of WIDGETS) {
  const entry = join(here, "src", name, "index.js");
  const target = join(here, "fclab_widgets", "static", `${name}.js`);
  if (!existsSync(entry)) {
    console.log(`${name}: no source at src/${name}/index.js`);
    bad += 1;
    continue;
  }
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    minify: true,
    charset: "utf8",
    legalComments: "none",
    plugins: [styleText],
    banner: { js: `/* fclab ${name}: built from widgets/src/${name} by widgets/build.mjs; edit there */` },
  });
  const text = outputFiles[0].text;
  const bytes = Buffer.byteLength(text);
  const stored = existsSync(target) ? readFileSync(target, "utf8") : "";
  if (!check) {
    if (stored !== text) writeFileSync(target, text);
    console.log(`${name}: ${bytes} bytes`);
  } else if (stored !== text) {
    console.log(`${name}: the committed bundle is not what the source builds; run "npm run build" in widgets/`);
    bad += 1;
  } else {
    console.log(`${name}: ${bytes} bytes, fresh`);
  }
  if (bytes > MOST_BYTES) {
    console.log(`${name}: larger than ${MOST_BYTES} bytes`);
    bad += 1;
  }
}
process.exitCode = bad ? 1 : 0;
