/** The frame of every scenario: its words, its ports, its end. */

import { After, Before, defineParameterType, setDefaultTimeout, setWorldConstructor } from '@cucumber/cucumber';
import { portSource } from '../world/ports.js';
import { PoolctlWorld } from '../world/world.js';

setWorldConstructor(PoolctlWorld);
setDefaultTimeout(60_000);

defineParameterType({ name: 'replica', regexp: /[a-z0-9-]+\/r\d+/, transformer: (key: string) => key });
defineParameterType({
  name: 'state',
  regexp: /stopped|preparing|starting|ready|unhealthy|draining|stopping|backoff|broken|failed|stuck/,
  transformer: (name: string) => name,
});

const nextPorts = portSource(process.pid);

Before(async function (this: PoolctlWorld) {
  this.ports = await nextPorts();
});

/** However it went, nothing of a scenario lives on. */
After(async function (this: PoolctlWorld, { result, pickle }) {
  // Not as an attachment: of those only the type is printed.
  if (result?.status === 'FAILED' && this.supervisors.length > 0)
    process.stderr.write(`\nthe supervisors of "${pickle.name}" have told:\n${this.told()}`);
  for (const stranger of this.strangers) await stranger.leave();
  await this.rig.end();
  await this.files?.end();
  await this.cgroup?.remove();
  await this.ports?.release();
});
