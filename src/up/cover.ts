/** What each launch must not tell: its secrets by their values, wherever its engine, or a check of it, writes them. */

import type { Launch } from '../core/messages.js';
import type { ReplicaKey } from '../core/model.js';
import type { Resolved } from '../engines/adapter.js';
import { type Environment, engineEnvironment } from '../engines/environment.js';
import { adapters } from '../engines/index.js';
import type { Cover } from '../shell/covered.js';
import { coverOf, isSecretName, redactText, secretsInArgv } from '../text/redact.js';

export type Covers = {
  of(launch: Launch): Cover;
  /** That of the replica's last launch. */
  lastOf(key: ReplicaKey): Cover;
};

export type CoverWorld = {
  readonly supervisorEnv: Environment;
  readonly stateDir: string;
  readonly inventoryDir: string;
};

export function makeCovers(world: CoverWorld): Covers {
  /** By replica; made when something is to be covered, since most launches tell nothing. */
  const known = new Map<ReplicaKey, { readonly instance: string; readonly cover: Cover }>();

  function of(launch: Launch): Cover {
    const before = known.get(launch.key);
    if (before?.instance === launch.instance) return before.cover;
    let made: Cover | null = null;
    const cover: Cover = (text) => {
      made ??= coverOf(secretsOf(launch, world));
      return made(text);
    };
    known.set(launch.key, { instance: launch.instance, cover });
    return cover;
  }

  return { of, lastOf: (key) => known.get(key)?.cover ?? redactText };
}

/**
 * Every `from_env`, what stands under telling names in the environment that the engine gets and in ours, what telling flags say, and the credentials of
 * URLs.
 */
function secretsOf(launch: Launch, { supervisorEnv, stateDir, inventoryDir }: CoverWorld): readonly string[] {
  const { spec } = launch;
  const resolved: Resolved = { program: null, model: spec.model, stateDir, inventoryDir };
  const env = { ...supervisorEnv, ...engineEnvironment(launch, supervisorEnv, resolved) };
  const isSecret = (name: string): boolean => isSecretName(name) || (spec.env[name] !== undefined && 'fromEnv' in spec.env[name]);
  return [
    ...Object.entries(env).flatMap(([name, value]) =>
      value === undefined ? [] : isSecret(name) ? [value] : secretsInArgv([value]),
    ),
    ...secretsInArgv(adapters[spec.engine].argv(launch, resolved)),
    ...(spec.model === null ? [] : secretsInArgv([spec.model])),
  ];
}
