import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string };
const built = { define: { __POOLCTL_VERSION__: JSON.stringify(version) } };

// They hold the finished program against its promises; taken in when all its commands are there.
const waiting = ['test/bundle.test.ts', 'test/pack.test.ts'];

// biome-ignore lint/style/noDefaultExport: vitest reads it
export default defineConfig({
  test: {
    // Real processes and sockets: a hang is told after a while, a slow machine is no failure.
    testTimeout: 20_000,
    hookTimeout: 20_000,
    teardownTimeout: 10_000,
    projects: [
      {
        ...built,
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/cli/**', 'test/real/**', ...waiting] },
      },
      {
        ...built,
        extends: true,
        test: { name: 'cli', include: ['test/cli/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
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
