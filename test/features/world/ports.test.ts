import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Ports, portSource, portsEach } from './ports.js';

/** Away from those of the scenarios that run beside this. */
const apart = 28_000;

describe('the ports of scenarios', () => {
  it('two that begin at the same place never share them, though nobody listens on them yet', async () => {
    const [mine, theirs] = [portSource(0, apart), portSource(0, apart)];
    const held: Ports[] = [await mine(), await theirs(), await mine(), await theirs()];
    const firsts = held.map(({ first }) => first).sort((a, b) => a - b);
    for (const [at, first] of firsts.entries()) if (at > 0) expect(first - (firsts[at - 1] ?? 0)).toBeGreaterThan(portsEach);
    await Promise.all(held.map((ports) => ports.release()));
  });

  it('a range in which somebody listens is passed over', async () => {
    const [first] = await taken(portSource(0, apart));
    const stranger = createServer();
    await new Promise<void>((resolve) => stranger.listen(first + 3, '127.0.0.1', resolve));
    const [next] = await taken(portSource(0, apart));
    expect(next).toBeGreaterThan(first);
    await new Promise((resolve) => stranger.close(resolve));
  });

  it('what was released is given again', async () => {
    expect(await taken(portSource(0, apart))).toEqual(await taken(portSource(0, apart)));
  });
});

/** The first of some ports that are released at once. */
async function taken(source: () => Promise<Ports>): Promise<[number]> {
  const ports = await source();
  await ports.release();
  return [ports.first];
}
