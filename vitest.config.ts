import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string };
const pure = ['core', 'inventory', 'text', 'diagnosis', 'telemetry', 'proposal', 'checkup'].map(
  (room) => `test/${room}/**/*.test.ts`,
);
// Of the live view: all but what needs Ink, a socket or a terminal.
pure.push('test/tui/*.test.ts');
const ends = ['test/cli/**/*.test.ts', 'test/tui/tmux/*.test.ts'];
/** Full disks, torn files, crowds, readers who stall: minutes together. */
const long = ['test/**/*.long.test.ts'];
const built = { define: { __POOLCTL_VERSION__: JSON.stringify(version) } };

// biome-ignore lint/style/noDefaultExport: vitest reads it
export default defineConfig({
  test: {
    // Modules without state need no load of their own for each file: that is a third of the processor time of these tests.
    isolate: false,
    // Real processes and sockets: a hang is told after a while, a slow machine is no failure.
    testTimeout: 20_000,
    hookTimeout: 20_000,
    teardownTimeout: 10_000,
    expect: { poll: { timeout: 15_000 } },
    projects: [
      {
        ...built,
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: [...pure, ...ends, ...long, 'test/real/**'] },
      },
      {
        ...built,
        extends: true,
        // They yield to the others in the gate: seconds of theirs may take a minute there.
        test: { name: 'pure', include: pure, testTimeout: 180_000, hookTimeout: 180_000 },
      },
      {
        ...built,
        extends: true,
        test: { name: 'cli', include: ends, exclude: long, testTimeout: 60_000, hookTimeout: 60_000 },
      },
      {
        ...built,
        extends: true,
        test: { name: 'long', include: long, testTimeout: 60_000, hookTimeout: 60_000 },
      },
      {
        ...built,
        extends: true,
        test: {
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          globalSetup: 'test/real/announce.ts',
          testTimeout: 90_000,
          hookTimeout: 90_000,
        },
      },
    ],
  },
});
