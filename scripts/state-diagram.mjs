/** Writes the state diagram into HACKING.md, between its two markers. A test fails where it is not current. */

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const markers = /(<!-- states: .*-->\n```\n)[\s\S]*?(```\n<!-- \/states -->)/;

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['test/core/transitions.ts'],
  bundle: true,
  platform: 'node',
  format: 'esm',
  write: false,
  logLevel: 'warning',
});
const { diagram } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);

const page = `${root}HACKING.md`;
const text = await readFile(page, 'utf8');
if (markers.test(text))
  await writeFile(
    page,
    text.replace(markers, (_, first, last) => `${first}${diagram()}\n${last}`),
  );
else {
  process.stderr.write('error: cannot write the state diagram: HACKING.md lacks its markers\n');
  process.exitCode = 1;
}
